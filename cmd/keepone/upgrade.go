package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"keepone/control"
	"keepone/process"
	"keepone/record"
	"keepone/supervise"
)

const (
	trialTimeout   = 30 * time.Second
	quiesceTime    = 200 * time.Millisecond // for answers that are on their way
	estateVariable = "KEEPONE_ESTATE"       // number of the descriptor that an estate is read from
)

// An estate is what keepone leaves to itself when a new program takes its place
// by execve(2): the content of the state file, and descriptors that stay open.
type estate struct {
	State   record.State `json:"state"`
	Lock    int          `json:"lock"`
	Control int          `json:"control"`
	Sockets []int        `json:"sockets"`
	Path    string       `json:"path"`  // where they are published
	Fixed   bool         `json:"fixed"` // they are an init system's
}

func (e *estate) descriptors() []int { return append([]int{e.Lock, e.Control}, e.Sockets...) }

// upgrade replaces keepone by the program that is at its path now. The process,
// its backend and whoever waits stay. It returns only what went wrong: when all
// is well, the caller's connection ends, and the new program answers.
func (s *site) upgrade(ctx context.Context) control.Answer {
	var err error
	for range upgradeTries { // what was tried out is what must be there when it is calm
		tried := s.ingredients()
		if err = s.tryOut(ctx); err != nil {
			break
		}
		s.log("replacing keepone by %s", s.program)
		err = s.loop.WhenCalm(ctx, func() error {
			if s.ingredients() != tried {
				return errOtherwise
			}
			return s.replace()
		})
		if !errors.Is(err, errOtherwise) {
			break
		}
	}
	return control.Answer{Error: fmt.Sprintf("the running keepone, version %s, stays: %v", version, err)}
}

const upgradeTries = 3

var errOtherwise = errors.New("the program or the configuration changed meanwhile")

// ingredients is what an upgrade is made of, as stat(2) sees it.
func (s *site) ingredients() (all [2]string) {
	for i, path := range []string{s.program, s.config().File} {
		var st unix.Stat_t
		if unix.Stat(path, &st) == nil {
			all[i] = fmt.Sprint(st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim)
		}
	}
	return all
}

// tryOut lets the new program look at the configuration and the state.
func (s *site) tryOut(ctx context.Context) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	spec := process.Spec{
		Argv: append([]string{s.program, "run", "--trial"}, os.Args[2:]...), Env: os.Environ(), Dir: dir,
		UID: -1, GID: -1, Umask: 0o022,
	}
	os.Remove(s.tried()) // of an earlier one
	var tried <-chan error
	err = s.loop.Reconfigure(ctx, func(*supervise.Config) { tried = s.spawner.Check(ctx, spec, trialTimeout) })
	if err != nil {
		return err
	}
	if err := <-tried; err != nil { // comes when ctx ends, too
		return err
	}
	defer os.Remove(s.tried())
	if text, err := os.ReadFile(s.tried()); err != nil || !strings.HasPrefix(string(text), trialPassed) {
		return fmt.Errorf("%s ended without an error, but not as keepone does", s.program)
	}
	return nil
}

// trialPassed is what a keepone leaves that has tried out what there is.
const trialPassed = "keepone "

// trial is what a new program says of what it would find: nothing, or an error.
func trial(t target) error {
	if _, err := record.Read(t.state()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(t.tried(), []byte(trialPassed+version+"\n"), 0o600)
}

// replace is called by the loop when nothing is under way. Nothing that the
// backend said is between the FIFO and the file at that moment.
func (s *site) replace() error {
	e := estate{
		State: s.latest, Lock: int(s.lockFile.Fd()), Control: s.control.Fd(),
		Path: s.config().Socket.Path, Fixed: s.fixed,
	}
	for _, l := range s.serving {
		e.Sockets = append(e.Sockets, l.Fd())
	}
	e.State.Upgrades++
	memory, err := e.file()
	if err != nil {
		return err
	}
	defer memory.Close()
	kept := append(e.descriptors(), int(memory.Fd()))
	s.drainLog(lastWait)
	s.control.Quiesce(quiesceTime)
	ctx, cancel := context.WithTimeout(context.Background(), lastWait)
	defer cancel()
	return s.output.Between(ctx, func() error {
		if s.leaving.Err() != nil || len(s.caught) > 0 {
			return supervise.ErrLeaving // execve would forget the signal
		}
		keepOpen(kept, true)
		defer keepOpen(kept, false)
		env := append(os.Environ(), estateVariable+"="+strconv.Itoa(int(memory.Fd())))
		return fmt.Errorf("cannot run %s: %w", s.program, unix.Exec(s.program, os.Args, env))
	})
}

// file writes the estate where the next program can read it and nobody else.
func (e *estate) file() (*os.File, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("keepone-estate", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot make a memfd: %w", err)
	}
	f := os.NewFile(uintptr(fd), "estate")
	if _, err := f.WriteAt(text, 0); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot write the estate: %w", err)
	}
	return f, nil
}

// keepOpen says whether execve(2) leaves the descriptors open.
func keepOpen(fds []int, open bool) {
	for _, fd := range fds {
		if open {
			unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
		} else {
			unix.CloseOnExec(fd)
		}
	}
}

// inheritedEstate reads what the former program left; nil when keepone was
// started like any other. Only what this very process left itself is believed:
// execve(2) keeps its number and start time, and nobody else can have the lock.
func inheritedEstate(t target) (*estate, error) {
	number, ok := os.LookupEnv(estateVariable)
	if !ok {
		return nil, nil
	}
	os.Unsetenv(estateVariable)
	fd, err := strconv.Atoi(number)
	if err != nil {
		return nil, fmt.Errorf("cannot read the estate: %s is %q", estateVariable, number)
	}
	f := os.NewFile(uintptr(fd), "estate")
	if f == nil {
		return nil, fmt.Errorf("cannot read the estate: %s is %q", estateVariable, number)
	}
	defer f.Close()
	var e estate
	if err := json.NewDecoder(f).Decode(&e); err != nil {
		return nil, fmt.Errorf("cannot read the estate: %w", err)
	}
	self, err := record.Identify(os.Getpid())
	var held, there unix.Stat_t
	err = errors.Join(err, unix.Fstat(e.Lock, &held), unix.Stat(t.lock(), &there))
	if err != nil || self != e.State.Supervisor || held.Dev != there.Dev || held.Ino != there.Ino {
		return nil, fmt.Errorf("cannot believe the estate in %s: it is not of this process and run directory", estateVariable)
	}
	keepOpen(e.descriptors(), false)
	return &e, nil
}

// keepPath keeps a running keepone's socket where it is, whatever the file says
// by now: only a new start moves it.
func (s *site) keepPath(v *view, e *estate) *view {
	if e == nil || v.Socket.Path == e.Path && s.fixed == e.Fixed {
		return v
	}
	if v.Socket.Path != e.Path && !e.Fixed {
		v.later = []string{"socket.path"}
	}
	v.Socket.Path, s.fixed = e.Path, e.Fixed
	return v
}

// programPath is where keepone was started from, links unresolved: a package,
// or who keeps versions side by side, puts another one there.
func programPath() string {
	self, err := os.Stat("/proc/self/exe")
	candidates := []string{os.Args[0]}
	if !strings.Contains(os.Args[0], "/") {
		candidates = nil
		for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
			candidates = append(candidates, filepath.Join(dir, os.Args[0]))
		}
	}
	for _, path := range candidates {
		there, failed := os.Stat(path)
		if path, absolute := filepath.Abs(path); err == nil && failed == nil && absolute == nil && os.SameFile(self, there) {
			return path
		}
	}
	path, err := os.Executable()
	if err != nil {
		return "/proc/self/exe"
	}
	return strings.TrimSuffix(path, " (deleted)")
}

// isReplaced says that the connection ended as it does when keepone replaces
// itself.
func isReplaced(err error) bool {
	return errors.Is(err, errHungUp) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
