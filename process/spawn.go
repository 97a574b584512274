package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Spawner starts processes of one backend. Its fields are set before the
// first Spawn; it is used by one goroutine at a time.
type Spawner struct {
	Reaper *Reaper
	Name   string      // of the backend, for the cgroup and the process list
	Group  string      // cgroup v2 directory to make the backends' own in; "" to follow them through /proc
	Stop   unix.Signal // what Terminate sends
	Env    []string    // of the shim itself: the resident's memory recipe
	Mark   string      // what Mark returned; "" for backends without a mark
	Lock   string      // the file that backends hold locked, to find them by; "" for none
	User   int         // who the backends are, as whom a marked process counts; -1 for keepone's own
	Log    func(format string, args ...any)

	count int
}

// AdoptOrphans makes this process the parent of its descendants' orphans:
// PR_SET_CHILD_SUBREAPER of prctl(2).
func AdoptOrphans() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot become a subreaper: %w", err)
	}
	return nil
}

// Ends are what a process is given: the listening socket, which stays the
// caller's, and where its output goes.
type Ends struct {
	Socket int      // descriptor; -1 for none
	Output *os.File // its standard output and error
}

// Spawn starts a shim for spec. With hold it waits for Process.Go before it
// becomes the backend; else it has the word already. A backend that must be
// found by the next keepone is to be recorded before it has the word: only then
// is there no moment at which it runs and nobody knows it.
func (s *Spawner) Spawn(spec Spec, ends Ends, hold bool) (*Process, error) {
	p := newProcess(s.Stop)
	p.serves = ends.Socket >= 0
	shimEnv := withMark(s.Env, "")
	if p.serves && s.Mark != "" { // a check is no backend
		mark := markName + s.Mark + ":" + s.Name + ":" + strconv.Itoa(spec.Generation)
		spec.Env, shimEnv = withMark(spec.Env, mark), withMark(s.Env, mark)
	}
	files, err := p.files(spec, ends)
	defer func() {
		for _, f := range files.closed {
			f.Close()
		}
	}()
	if err == nil {
		err = s.fork(p, files.inherited, shimEnv)
	}
	if err != nil {
		p.abandon()
		return nil, fmt.Errorf("cannot spawn the backend: %w", err)
	}
	go p.await()
	if !hold {
		p.Go() // fails only for a shim that is dead: Exited tells
	}
	return p, nil
}

// withMark is the environment with that mark, "" for none, and no other: keepone
// itself may have been started by another site's backend.
func withMark(env []string, mark string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(v string) bool { return strings.HasPrefix(v, markName) })
	if mark == "" {
		return env
	}
	return append(env, mark)
}

type files struct {
	inherited []uintptr
	closed    []*os.File // by the parent, when the child has them
}

// files opens what the shim inherits, in the order of its descriptors.
func (p *Process) files(spec Spec, ends Ends) (files, error) {
	var f files
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return f, err
	}
	f.closed = append(f.closed, null)
	file, err := spec.file()
	if err != nil {
		return f, err
	}
	f.closed = append(f.closed, file)
	wordRead, word, err := pipe()
	if err != nil {
		return f, err
	}
	f.closed, p.word = append(f.closed, wordRead), word
	report, reportWrite, err := pipe()
	if err != nil {
		return f, err
	}
	f.closed, p.report = append(f.closed, reportWrite), report
	sock := uintptr(ends.Socket)
	if ends.Socket < 0 {
		sock = null.Fd()
	}
	f.inherited = []uintptr{
		null.Fd(), ends.Output.Fd(), ends.Output.Fd(), sock, file.Fd(), wordRead.Fd(), reportWrite.Fd(),
	}
	return f, nil
}

// pipe makes a blocking pipe outside Go's poller: both ends are used only when
// they cannot block.
func pipe() (r, w *os.File, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	return os.NewFile(uintptr(p[0]), "pipe"), os.NewFile(uintptr(p[1]), "pipe"), nil
}

// fork starts the shim in a cgroup of its own where that can be had.
func (s *Spawner) fork(p *Process, fds []uintptr, env []string) error {
	attr := &syscall.ProcAttr{Env: env, Files: fds, Sys: &syscall.SysProcAttr{Setsid: true, PidFD: &p.pidfd}}
	g := s.group()
	if g != nil {
		dir, err := unix.Open(g.dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			g.remove()
			g.close()
			return fmt.Errorf("cannot open the cgroup: %w", err)
		}
		defer unix.Close(dir)
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, dir
	}
	pid, status, err := s.start(attr)
	if attr.Sys.UseCgroupFD && errors.Is(err, syscall.ENOSYS) {
		attr.Sys.UseCgroupFD = false
		pid, status, err = s.start(attr)
		g = s.moved(pid, g, err)
	}
	if err != nil && g != nil {
		g.remove()
		g.close()
		if s.without(err) {
			return s.fork(p, fds, env)
		}
	}
	if err != nil {
		return err
	}
	p.pid, p.leader = pid, status
	if g != nil {
		p.tree = g
	} else {
		p.tree = &line{leader: pid, reaper: s.Reaper}
		if p.serves {
			p.tree = &line{leader: pid, reaper: s.Reaper, orphans: p.runs}
		}
	}
	return nil
}

func (s *Spawner) start(attr *syscall.ProcAttr) (int, <-chan syscall.WaitStatus, error) {
	return s.Reaper.start(func() (int, error) {
		return syscall.ForkExec("/proc/self/exe", shimArgs(s.Name), attr)
	})
}

// moved is for where clone3(2) is forbidden, and so a start in a cgroup, as
// RestrictNamespaces= of systemd.exec(5) does it. A shim that waits for the word
// is alone, so nobody stays behind. It returns the cgroup, nil where the process
// is not in it; nothing happens where there is none.
func (s *Spawner) moved(pid int, g *group, err error) *group {
	if err != nil {
		return g
	}
	if err := g.write("cgroup.procs", strconv.Itoa(pid)); err != nil {
		s.Log("cannot move process %d to the cgroup %s, following it through /proc: %v", pid, g.dir, err)
		g.remove()
		g.close()
		return nil
	}
	return g
}

func (s *Spawner) group() *group {
	if s.Group == "" {
		return nil
	}
	s.count++
	g, err := newGroup(s.Group, s.groupName(strconv.Itoa(s.count)))
	if err != nil {
		s.without(err)
		return nil
	}
	return g
}

// without follows /proc from now on, when the kernel will never give a cgroup:
// no permission, no such thing. What may pass is no reason.
func (s *Spawner) without(err error) bool {
	for _, never := range []error{fs.ErrPermission, syscall.EROFS, syscall.ENOSYS, syscall.EINVAL, syscall.EOPNOTSUPP} {
		if errors.Is(err, never) {
			s.Log("no cgroup of its own for the backend, following its processes through /proc: %v", err)
			s.Group = ""
			return true
		}
	}
	return false
}
