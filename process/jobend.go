package process

import (
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// EndJobs ends the jobs whose `keepone exec` was killed: every process that has
// KEEPONE_JOB=MARK: in its environment, and is of one of these users or of
// keepone's own, with all its descendants. They get SIGTERM, and SIGKILL after
// a second. It returns who lives all the same, after five seconds at most; call
// it where that may be waited for. A job whose `keepone exec` lives is ended,
// too: ask the lock that it holds before.
//
// A program that overwrites its environment, as setproctitle(3) does, is found
// only below one that does not: the lock tells that somebody is left.
func EndJobs(mark string, users ...int) (left []int) {
	s := newScan()
	defer s.free()
	jobs := &markedJobs{proof{mark: []byte(jobMarkName + mark + ":"), users: slices.Clone(users)}}
	if slices.Contains(users, 0) { // as in Spawner.proof
		jobs.users = nil
	} else {
		jobs.users = append(jobs.users, os.Getuid())
	}
	for n := range formerPatience {
		if left = jobs.all(s, nil); len(left) == 0 {
			return nil
		}
		switch {
		case n == 0:
			signalAll(jobs, s, unix.SIGTERM)
			signalAll(jobs, s, unix.SIGCONT)
		case n >= formerPatience/5:
			signalAll(jobs, s, unix.SIGKILL)
		}
		time.Sleep(formerPause)
	}
	return left
}

// markedJobs are the processes with a mark and their descendants, as a search
// through all of /proc finds them.
type markedJobs struct{ proof }

func (m *markedJobs) all(s *scan, buf []int) []int {
	first := len(buf)
	return s.descend(s.marked(&m.proof, buf), first)
}

// IsJob says whether the process is a job with that mark, by its environment.
func IsJob(pid int, mark string) bool {
	s := newScan()
	defer s.free()
	return s.proves(&proof{mark: []byte(jobMarkName + mark + ":")}, pid)
}
