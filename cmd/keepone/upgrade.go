package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
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
	estateVariable = "KEEPONE_ESTATE" // number of the descriptor that an estate is read from
)

// An estate is what keepone leaves to itself when a new program takes its place
// by execve(2): the content of the state file, and descriptors that stay open.
type estate struct {
	State   record.State `json:"state"`
	Lock    int          `json:"lock"`
	Control int          `json:"control"`
	Sockets []int        `json:"sockets"`
}

func (e *estate) descriptors() []int { return append([]int{e.Lock, e.Control}, e.Sockets...) }

// upgrade replaces keepone by the program that is at its path now. The process,
// its backend and whoever waits stay. It returns only what went wrong: when all
// is well, the caller's connection ends, and the new program answers.
func (s *site) upgrade(ctx context.Context) control.Answer {
	err := s.tryOut(ctx)
	if err == nil {
		s.log("replacing keepone by %s", s.program)
		err = s.loop.WhenCalm(ctx, s.replace)
	}
	return control.Answer{Error: fmt.Sprintf("the running keepone, version %s, stays: %v", version, err)}
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
	var tried <-chan error
	err = s.loop.Reconfigure(ctx, func(*supervise.Config) { tried = s.spawner.Check(ctx, spec, trialTimeout) })
	if err != nil {
		return err
	}
	return <-tried // comes when ctx ends, too
}

// trial is what a new program says of what it would find: nothing, or an error.
func trial(t target) error {
	_, err := record.Read(t.state())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// replace is called by the loop when nothing is under way. Nothing that the
// backend said is between the FIFO and the file at that moment.
func (s *site) replace() error {
	e := estate{State: s.latest, Lock: int(s.lockFile.Fd()), Control: s.control.Fd(), Sockets: []int{s.serving.Fd()}}
	e.State.Upgrades++
	memory, err := e.file()
	if err != nil {
		return err
	}
	defer memory.Close()
	kept := append(e.descriptors(), int(memory.Fd()))
	ctx, cancel := context.WithTimeout(context.Background(), lastWait)
	defer cancel()
	s.drainLog(ctx)
	return s.output.Between(ctx, func() error {
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
// started like any other.
func inheritedEstate() (*estate, error) {
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
	defer f.Close()
	var e estate
	if err := json.NewDecoder(f).Decode(&e); err != nil {
		return nil, fmt.Errorf("cannot read the estate: %w", err)
	}
	keepOpen(e.descriptors(), false)
	return &e, nil
}

// programPath is where keepone was started from. A package that replaces it
// leaves the running one a file that has been deleted.
func programPath() string {
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
