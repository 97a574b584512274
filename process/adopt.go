package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// strangerPoll is how often a stranger is looked at where the poller cannot.
const strangerPoll = 100 * time.Millisecond

// Adopt takes over a backend that another keepone spawned: one that was killed,
// or this very process before it replaced itself by execve(2). The pidfd, opened
// and compared with what is recorded, proves who it is, and is the Process' from
// now on, unless there is an error. It may be -1 for a child that may have died
// meanwhile: there the number suffices, for nobody else has it before we reap.
// Compare its start time before Reaper.Run.
//
// A child is waited for, and its orphans come to us, as with one that was
// spawned here. A stranger's exit status is known where the kernel tells it, and
// orphans that are in no cgroup of its own are found by the mark and the lock.
func (s *Spawner) Adopt(pid, pidfd int) (*Process, error) {
	child := s.Reaper.claim(pid, pidfd)
	if child.status == nil && pidfd < 0 {
		return nil, fmt.Errorf("cannot adopt process %d: it is no child of this keepone", pid)
	}
	p := newProcess(s.Stop)
	p.pid, p.pidfd, p.leader, p.serves = pid, child.pidfd, child.status, true
	close(p.runs)
	var poll *os.File
	if child.status == nil {
		var err error
		if poll, err = pollable(pidfd); err != nil {
			return nil, fmt.Errorf("cannot adopt process %d: %w", pid, err)
		}
	}
	p.tree = s.formerTree(p)
	if poll == nil {
		go p.await()
	} else {
		go p.awaitStranger(poll)
	}
	return p, nil
}

// formerTree finds who belongs to an adopted process now. Orphans of a former
// keepone's that became ours with its process id are the backend's from now on.
func (s *Spawner) formerTree(p *Process) tree {
	if g := s.formerGroup(p.pid); g != nil {
		return g
	}
	sc := newScan()
	defer sc.free()
	var users []int
	if user := sc.realUser(p.pid); user >= 0 { // the configuration may name another by now
		users = append(users, user)
	}
	proof := s.proof(users...)
	s.Reaper.disown(sc.marked(proof, nil))
	l := line{leader: p.pid, reaper: s.Reaper, orphans: p.runs}
	if p.leader != nil {
		return &l
	}
	l.lives = func() bool { return !Ended(p.pidfd) }
	f := &former{line: l, proof: proof}
	tree := l.pids(sc, nil)
	f.hold(sc, slices.DeleteFunc(sc.strays(proof, s.Reaper, nil), func(pid int) bool { return slices.Contains(tree, pid) }))
	return f
}

// pollable is a descriptor of the same process for Go's poller.
func pollable(pidfd int) (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(pidfd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}

// formerGroup is the cgroup that a former keepone of this name made for the
// process, nil where it is in none.
func (s *Spawner) formerGroup(pid int) *group {
	mount, err := groupMount()
	if err != nil {
		return nil
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return nil
	}
	for entry := range strings.Lines(string(text)) {
		path, ok := strings.CutPrefix(strings.TrimSpace(entry), "0::")
		number, ours := strings.CutPrefix(filepath.Base(path), s.groupName(""))
		if !ok || !ours || strings.Trim(number, "0123456789.") != "" {
			continue
		}
		procs, err := unix.Open(mount+path+"/cgroup.procs", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil
		}
		return &group{mount + path, procs}
	}
	return nil
}

// awaitStranger waits in the poller, as await does for a child.
func (p *Process) awaitStranger(poll *os.File) {
	if !awaitEnd(poll, p.pidfd, p.released) {
		close(p.exits)
		return
	}
	p.ended(describeStranger(p.pidfd))
}

// awaitEnd returns true when the process has ended, and false when nobody wants
// to know any more.
func awaitEnd(poll *os.File, pidfd int, unwanted <-chan struct{}) bool {
	defer poll.Close()
	if raw, err := poll.SyscallConn(); err == nil {
		raw.Read(func(fd uintptr) bool { return Ended(int(fd)) })
	}
	for !Ended(pidfd) { // a poller that fails must not end a backend that lives
		select {
		case <-unwanted:
			return false
		case <-time.After(strangerPoll):
		}
	}
	return true
}

// AwaitEnd returns when the process of a pidfd has ended, whoever's child it is.
func AwaitEnd(pidfd int) error {
	poll, err := pollable(pidfd)
	if err == nil {
		awaitEnd(poll, pidfd, nil)
	}
	return err
}

// Ended says whether the process of a pidfd has ended, a zombie included:
// pidfd_open(2).
func Ended(pidfd int) bool {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
		if err != syscall.EINTR {
			return n > 0
		}
	}
}
