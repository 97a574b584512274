package process

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Job is a command that ends by itself and that somebody waits for: it is
// run as the backend would be, on the terminal of whoever asked.
//
// It stays in the caller's process group. So the keyboard reaches it and this
// process alike, a pipe to a pager is one job for the shell, Ctrl-Z stops all
// of it and fg goes on, and there is nothing to arrange where there is no
// terminal. In a group of its own a job would have the terminal, yet whoever
// reads at the other end of the pipe would not, and a second Ctrl-C would never
// come here.
type Job struct {
	Name        string                  // of the backend, for the process list and the mark
	Spec        Spec                    // what it is and as whom; there is neither socket nor Spec.Lock
	Locks       []*os.File              // held as long as the job or a plain fork of it lives; at most ten
	Mark        string                  // what Mark returned: KEEPONE_JOB=MARK:NAME is in its environment
	MaxTime     time.Duration           // from its start to the stop signal, stopped or not; 0 for no end
	StopTimeout time.Duration           // from the stop signal to SIGKILL
	Weigh       func(pids []int) uint64 // bytes that the processes use; nil for no samples
	Interactive bool                    // Ctrl-C and Ctrl-\ at the terminal are the job's own affair
	Note        func(text string)       // tells the caller what becomes of the job meanwhile; nil for nobody
}

// A JobExit says how a job ended.
type JobExit struct {
	Status int           // for exit(3), as in sh(1): 128 and the signal that ended it; 126 or 127 where it never ran
	Signal unix.Signal   // that ended it; 0 for none
	Text   string        // the same for people
	Peak   uint64        // bytes: the largest sample, or what the kernel counted for the command and each of its children
	Took   time.Duration // from its start to the end of all that it left behind
	Late   bool          // it was told to end after MaxTime
	Asked  bool          // it was told to end, for whatever reason
	Behind int           // processes that it left behind, and that were ended
	Left   []int         // processes that live all the same: SIGKILL does not reach them
}

// Run runs the job and returns when nothing of it is left. The error says why
// it never ran: that it could not be started, or could not become the command.
//
// This process becomes the parent of all orphans, and while Run goes on nothing
// else in it may wait for children. Of SIGINT, SIGQUIT, SIGTERM and SIGHUP the
// first ends the job, unless they were ignored when the program began, as
// nohup(1) does; ctx should not end by them, but by what else is a reason. A
// second SIGINT or SIGQUIT kills. A job that is stopped runs on towards MaxTime.
//
// A caller who has something to do afterwards must catch these signals itself,
// before Run: when a terminal is closed, a shell sends SIGHUP, and the kernel
// another one when that shell exits.
func (j Job) Run(ctx context.Context) (JobExit, error) {
	if err := AdoptOrphans(); err != nil {
		return JobExit{Status: exitCannot}, err
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGCONT)
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(sig) {
			signal.Notify(signals, sig)
		}
	}
	defer signal.Stop(signals)
	r := running{Job: j, scan: newScan(), began: time.Now(), alarm: newAlarm()}
	defer r.scan.free()
	defer r.alarm.close()
	r.offspring.before = r.scan.children(os.Getpid(), nil)
	r.lookAtTerminal() // before the job can have anybody close it
	var err error
	var report *os.File
	if r.leader, report, err = j.start(); err != nil {
		return JobExit{Status: exitCannot}, err
	}
	r.listen(report)
	return r.follow(ctx, signals)
}

// Exit ends this process as the job ended. A shell that runs a script gives up
// at Ctrl-C only where the command that it waits for died of it.
func (e JobExit) Exit() {
	if e.Signal == unix.SIGINT {
		signal.Reset(syscall.SIGINT)
		unix.Kill(os.Getpid(), unix.SIGINT)
		time.Sleep(time.Second) // another thread may be the one that takes it
	}
	os.Exit(e.Status)
}

// The offspring are a job's processes: whatever descends from this one, which is
// a subreaper, and was not there before.
type offspring struct {
	before []int // children of this process that are no job's, not yet reaped
}

func (o *offspring) all(s *scan, buf []int) []int {
	first := len(buf)
	buf = s.children(os.Getpid(), buf)
	kept := slices.DeleteFunc(buf[first:], func(pid int) bool { return slices.Contains(o.before, pid) })
	return s.descend(buf[:first+len(kept)], first)
}

func (o *offspring) kill(s *scan) error {
	signalAll(o, s, unix.SIGKILL)
	return nil
}

func (o *offspring) empty(s *scan) bool {
	s.failed = false
	return len(o.all(s, nil)) == 0 && !s.failed
}
