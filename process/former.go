package process

import (
	"slices"

	"golang.org/x/sys/unix"
)

// A former is a backend that another keepone spawned and that has no cgroup of
// its own. Its orphans went to init, so they are looked for by what proves them,
// which is a search through all of /proc: never in the steady loop.
type former struct {
	line
	proof  *proof
	strays []stray // who was an orphan already when it was adopted; never changed
}

// A stray is a process of a former backend that is no descendant of its leader.
type stray struct{ pid, pidfd int }

// hold keeps those who still are what the proof says, now that a pidfd stands
// for each.
func (f *former) hold(s *scan, pids []int) {
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue
		}
		if !s.proves(f.proof, pid) {
			unix.Close(fd)
			continue
		}
		f.strays = append(f.strays, stray{pid, fd})
	}
}

// pids knows the leader, who was a stray when it was adopted, and what descends
// from them.
func (f *former) pids(s *scan, buf []int) []int {
	first := len(buf)
	buf = f.line.pids(s, buf)
	if len(f.strays) == 0 {
		return buf
	}
	for _, st := range f.strays {
		if !Ended(st.pidfd) {
			buf = append(buf, st.pid)
		}
	}
	return s.descend(buf, first)
}

// all knows everybody who can be found.
func (f *former) all(s *scan, buf []int) []int {
	first := len(buf)
	buf = f.pids(s, buf)
	return s.descend(s.strays(f.proof, f.reaper, buf), first)
}

func (f *former) kill(s *scan) error {
	signalAll(f, s, unix.SIGKILL)
	return nil
}

func (f *former) empty(s *scan) bool {
	s.failed = false
	return len(f.all(s, nil)) == 0 && !s.failed
}

func (f *former) close() {
	for _, st := range f.strays {
		unix.Close(st.pidfd)
	}
	f.strays = nil
}

// descend adds the descendants of who is in buf from first on, each once.
func (s *scan) descend(buf []int, first int) []int {
	buf = once(buf, first, first)
	for i := first; i < len(buf); i++ { // grows while it is walked
		n := len(buf)
		buf = once(s.children(buf[i], buf), first, n)
	}
	return buf
}

// once drops from n on who is in buf already, from first on.
func once(buf []int, first, n int) []int {
	kept := buf[:n]
	for _, pid := range buf[n:] {
		if !slices.Contains(kept[first:], pid) {
			kept = append(kept, pid)
		}
	}
	return kept
}

// strays appends the processes that the proof holds for and that are neither
// this one nor a child that it started: a waiting shim is marked, too. All of
// /proc is searched again only when nobody of the latest search is left, and
// then twice: who is looked at just before it forks and exits is nobody's any
// more, and its child may have come where the first search had been already.
func (s *scan) strays(p *proof, r *Reaper, buf []int) []int {
	s.refresh(p, r)
	for n := 0; n < 2 && len(s.found) == 0; n++ {
		s.found = s.marked(p, s.found)
		s.refresh(p, r)
	}
	return append(buf, s.found...)
}

// refresh keeps of found who still is a stray. The reaper is asked last: whoever
// it forked meanwhile it knows.
func (s *scan) refresh(p *proof, r *Reaper) {
	if len(s.found) == 0 {
		return
	}
	s.found = slices.DeleteFunc(s.found, func(pid int) bool { return !s.proves(p, pid) })
	s.leaders = r.Leaders(s.leaders[:0], s.reply)
	s.found = slices.DeleteFunc(s.found, func(pid int) bool { return slices.Contains(s.leaders, pid) })
}
