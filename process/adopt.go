package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Adopt takes over a backend that a killed keepone left. The pidfd proves who
// it is, and is the Process' from now on, unless there is an error. It is no
// child of ours: how it exits is told to init, and orphans of it that are in no
// cgroup of its own are not found.
func (s *Spawner) Adopt(pid, pidfd int) (*Process, error) {
	poll, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("cannot adopt process %d: %w", pid, err)
	}
	p := newProcess(s.Stop)
	p.pid, p.pidfd = pid, pidfd
	close(p.runs)
	p.tree = &line{leader: pid, reaper: s.Reaper, lives: func() bool { return !exited(pidfd) }, orphans: p.runs}
	if g := s.formerGroup(pid); g != nil {
		p.tree = g
	}
	go p.awaitStranger(os.NewFile(uintptr(poll), "pidfd"))
	return p, nil
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
func (p *Process) awaitStranger(pidfd *os.File) {
	defer pidfd.Close()
	if raw, err := pidfd.SyscallConn(); err == nil {
		raw.Read(func(fd uintptr) bool { return exited(int(fd)) })
	}
	p.ended(Exit{Text: "ended; its exit status is not known, for another keepone was its parent"})
}

// exited says whether the process of a pidfd has ended: pidfd_open(2).
func exited(pidfd int) bool {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
		if err != syscall.EINTR {
			return n > 0
		}
	}
}
