package process

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A tree knows a backend and all its descendants, also those that called
// setsid(2) or forked twice.
type tree interface {
	// pids appends the live processes of the tree to buf.
	pids(s *scan, buf []int) []int
	// all is pids and who is found only by a search that the steady loop cannot
	// pay for.
	all(s *scan, buf []int) []int
	// kill sends SIGKILL to all of them; what forks meanwhile may need another.
	kill(s *scan) error
	// empty says that none is left, zombies apart.
	empty(s *scan) bool
	// remove gives up what stood for the tree, but no descriptor: another
	// goroutine may be reading it.
	remove()
	// close releases the descriptors.
	close()
}

// members are all of a tree, or some of it: who can be signalled.
type members interface {
	all(s *scan, buf []int) []int
}

// A group is a cgroup v2 directory of the backend's own. Nobody leaves it by
// forking. See cgroups(7) and the kernel's cgroup-v2 document.
type group struct {
	dir   string
	procs int // descriptor of cgroup.procs, kept: a sample must not allocate
}

// newGroup makes the directory name below parent, or a numbered one where an
// earlier keepone left that behind.
func newGroup(parent, name string) (*group, error) {
	dir := parent + "/" + name
	err := os.Mkdir(dir, 0o755)
	for n := 2; os.IsExist(err) && n < 100; n++ {
		dir = parent + "/" + name + "." + strconv.Itoa(n)
		err = os.Mkdir(dir, 0o755)
	}
	if err != nil {
		return nil, err
	}
	procs, err := unix.Open(dir+"/cgroup.procs", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		os.Remove(dir)
		return nil, err
	}
	return &group{dir, procs}, nil
}

// groupName is that of the cgroup of the backend with that number.
func (s *Spawner) groupName(number string) string { return "keepone-" + s.Name + "-" + number }

func (g *group) pids(s *scan, buf []int) []int { return s.numbers(g.procs, buf) }

func (g *group) all(s *scan, buf []int) []int { return g.pids(s, buf) }

func (g *group) kill(s *scan) error {
	if g.empty(s) {
		return nil
	}
	err := g.write("cgroup.kill", "1")
	if err != unix.ENOENT {
		return err
	}
	// Linux before 5.14: nobody forks while frozen.
	g.write("cgroup.freeze", "1")
	signalAll(g, s, unix.SIGKILL)
	return g.write("cgroup.freeze", "0")
}

// write writes one of the cgroup's files, and makes none: with O_CREAT a missing
// one is answered with EACCES.
func (g *group) write(name, text string) error {
	fd, err := unix.Open(g.dir+"/"+name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(text))
	return err
}

// empty takes nothing for granted: who cannot be asked about may be there.
func (g *group) empty(*scan) bool {
	text, err := os.ReadFile(g.dir + "/cgroup.events")
	if err != nil {
		return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV)
	}
	return strings.Contains(string(text), "populated 0")
}

func (g *group) remove() { os.Remove(g.dir) }

func (g *group) close() { unix.Close(g.procs) }

// A line is the backend's descendants as /proc tells them. Orphans come to
// keepone, which is a subreaper: a child that neither we started nor was here
// before us is one of them. They are counted to the backend alone, not to a
// check that runs or a shim that waits beside it.
type line struct {
	leader  int
	reaper  *Reaper
	lives   func() bool     // of a leader that is no child of ours; else nil: then the reaper knows
	orphans <-chan struct{} // closed when this is the backend; nil when it never is
}

func (l *line) pids(s *scan, buf []int) []int {
	s.leaders = l.reaper.Leaders(s.leaders[:0], s.reply)
	first := len(buf)
	if l.lives == nil && slices.Contains(s.leaders, l.leader) || l.lives != nil && l.lives() {
		buf = append(buf, l.leader)
	}
	select {
	case <-l.orphans:
		buf = l.addOrphans(s, buf)
	default:
	}
	for i := first; i < len(buf); i++ { // grows while it is walked
		buf = s.children(buf[i], buf)
	}
	return buf
}

func (l *line) all(s *scan, buf []int) []int { return l.pids(s, buf) }

func (l *line) addOrphans(s *scan, buf []int) []int {
	first := len(buf)
	buf = s.children(os.Getpid(), buf)
	for i := first; i < len(buf); {
		if slices.Contains(s.leaders, buf[i]) {
			buf = slices.Delete(buf, i, i+1)
		} else {
			i++
		}
	}
	return buf
}

func (l *line) kill(s *scan) error {
	signalAll(l, s, unix.SIGKILL)
	return nil
}

func (l *line) empty(s *scan) bool {
	s.failed = false
	return len(l.pids(s, nil)) == 0 && !s.failed
}

func (*line) remove() {}

func (*line) close() {}

// signalAll signals every process that is in the tree before and after its
// pidfd was opened: a number alone may have been given to somebody else.
func signalAll(t members, s *scan, sig unix.Signal) {
	var held []int
	before := t.all(s, nil)
	for _, pid := range before {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			fd = -1
		}
		held = append(held, fd)
	}
	after := t.all(s, nil)
	for i, fd := range held {
		if fd < 0 {
			continue
		}
		if slices.Contains(after, before[i]) {
			unix.PidfdSendSignal(fd, sig, nil, 0)
		}
		unix.Close(fd)
	}
}
