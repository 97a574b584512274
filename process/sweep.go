package process

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// shimPatience is how often, a millisecond apart, a killed shim is looked at.
const shimPatience = 1000

// How often, and how long apart, EndFormer looks: for five seconds in all.
const (
	formerPatience = 100
	formerPause    = 50 * time.Millisecond
)

// Sweep ends the shims and removes the cgroups that a killed keepone of this
// run directory left, and returns the processes of its backends that still
// live: in those cgroups, or proved by the mark or the lock. Those of except are
// left alone. A shim without its keepone holds a socket and becomes nothing.
func (s *Spawner) Sweep(except *Process) (left []int) {
	sc := newScan()
	defer sc.free()
	p := s.proof()
	for _, pid := range sc.strays(p, s.Reaper, nil) {
		if except == nil || pid != except.pid {
			s.endShim(sc, p, pid)
		}
	}
	left = s.sweepGroups(except)
	strays := sc.strays(p, s.Reaper, nil)
	var spared []int // asked for last: what its members forked meanwhile is there
	if except != nil {
		spared = except.tree.all(sc, nil)
	}
	for _, pid := range strays {
		if !slices.Contains(left, pid) && !slices.Contains(spared, pid) && sc.proves(p, pid) {
			left = append(left, pid)
		}
	}
	return left
}

// EndFormer ends what is left of backends whose keepone was killed and that
// nobody adopted: whom the mark or the lock proves gets the stop signal, and
// SIGKILL after a second. It returns who lives all the same: who is only in a
// cgroup of that name may be the backend of a keepone that lives, with another
// run directory.
func (s *Spawner) EndFormer() (left []int) {
	for n := range formerPatience {
		if left = s.Sweep(nil); len(left) == 0 {
			return nil
		}
		held := map[int]int{} // pidfds, opened before it is asked a second time who they are
		for _, pid := range left {
			if fd, err := unix.PidfdOpen(pid, 0); err == nil {
				held[pid] = fd
			}
		}
		left = s.Sweep(nil)
		for pid, fd := range held {
			switch {
			case !slices.Contains(left, pid) || !s.proved(pid):
			case n == 0:
				unix.PidfdSendSignal(fd, s.Stop, nil, 0)
			case n >= formerPatience/5:
				unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
			}
			unix.Close(fd)
		}
		time.Sleep(formerPause)
	}
	return left
}

func (s *Spawner) proved(pid int) bool {
	sc := newScan()
	defer sc.free()
	return sc.proves(s.proof(), pid)
}

// endShim kills the process if it is a shim of this run directory's, and waits
// until it has left the lock and the tree. The pidfd is opened first: whoever
// is looked at cannot be somebody else any more.
func (s *Spawner) endShim(sc *scan, p *proof, pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if !IsShim(pid, s.Name) || !sc.hasMark(p, pid) {
		return
	}
	err = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	for n := 0; n < shimPatience && err == nil && !Ended(fd); n++ {
		time.Sleep(time.Millisecond)
	}
}

// IsShim says whether the process is, by its command line, a shim for the
// backend of that name that has not become the backend. It proves nothing about
// whose it is: ask while a pidfd of a process that is proved is open, and that
// it still lives afterwards.
func IsShim(pid int, name string) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return err == nil && bytes.Equal(text, []byte(strings.Join(shimArgs(name), "\x00")+"\x00"))
}

// shimArgs is the command line of a shim.
func shimArgs(name string) []string { return []string{"keepone", "shim", name} }

// sweepGroups removes the cgroups that are empty and returns who is in others.
func (s *Spawner) sweepGroups(except *Process) (left []int) {
	prefix := s.groupName("")
	dirs, _ := filepath.Glob(s.Group + "/" + prefix + "*")
	for _, dir := range dirs {
		number := strings.TrimPrefix(filepath.Base(dir), prefix)
		if s.Group == "" || number == "" || strings.Trim(number, "0123456789.") != "" {
			continue // another name begins alike
		}
		if except != nil && except.isIn(dir) || os.Remove(dir) == nil {
			continue
		}
		text, _ := os.ReadFile(dir + "/cgroup.procs")
		for _, pid := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(pid); err == nil {
				left = append(left, n)
			}
		}
	}
	return left
}

func (p *Process) isIn(dir string) bool {
	g, ok := p.tree.(*group)
	return ok && g.dir == dir
}
