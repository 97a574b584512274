package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"keepone/command"
	"keepone/config"
	"keepone/control"
	"keepone/process"
	"keepone/record"
	"keepone/supervise"
)

const (
	trialTimeout = 30 * time.Second
	quietTries   = 200 // to find a moment at which nobody asks anything
	quietPause   = 10 * time.Millisecond
)

// upgrade replaces keepone by the program that is at its path now. The process,
// its backend and whoever waits stay. It returns only what went wrong: when all
// is well, the caller's connection ends, and the new program answers.
func (s *site) upgrade(ctx context.Context) control.Answer {
	s.upgrading.Add(1)
	defer s.upgrading.Add(-1)
	select { // one trial at a time: they leave their word in the same place
	case s.trying <- struct{}{}:
		defer func() { <-s.trying }()
	case <-ctx.Done():
		return control.Answer{Error: ctx.Err().Error()}
	}
	var err error
	for range upgradeTries { // what was tried out is what must be there when it is calm
		tried := s.ingredients()
		if err = s.tryOut(ctx); err != nil {
			break
		}
		s.log("replacing keepone by %s", s.program)
		err = s.whenQuiet(ctx, func(st supervise.Status) error {
			if s.ingredients() != tried {
				return errOtherwise
			}
			e := s.estate(st)
			e.State.Upgrades++
			return s.replace(s.program, e)
		})
		if !errors.Is(err, errOtherwise) {
			break
		}
	}
	return control.Answer{Error: fmt.Sprintf("the running keepone, version %s, stays: %v", command.Version, err)}
}

const upgradeTries = 3

var (
	errOtherwise = errors.New("the program or the configuration changed meanwhile")
	errAsked     = errors.New("others ask something all the time")
)

// whenQuiet calls f when nothing is under way, not even an answer: no requests
// but those for an upgrade. While f runs the loop answers none.
func (s *site) whenQuiet(ctx context.Context, f func(supervise.Status) error) error {
	err := errAsked
	for n := 0; n < quietTries && errors.Is(err, errAsked); n++ {
		err = s.loop.WhenCalm(ctx, func(st supervise.Status) error {
			if s.control.Load().UnderWay() > int(s.upgrading.Load()) {
				return errAsked
			}
			return f(st)
		})
		if errors.Is(err, errAsked) {
			time.Sleep(quietPause)
		}
	}
	return err
}

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
func trial(t target, load func() (*config.Config, error)) error {
	if _, err := load(); err != nil {
		return err
	}
	if _, err := record.Read(t.state()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(t.tried(), []byte(trialPassed+command.Version+"\n"), 0o600)
}

// estate is what the next program is to know.
func (s *site) estate(st supervise.Status) *estate {
	e := &estate{
		State: s.latest, Lock: int(s.lockFile.Fd()), Control: s.control.Load().Fd(),
		Path: s.config().Socket.Path, Fixed: s.fixed, Seen: st, Cures: *s.cured.Load(), Alerts: s.alerts,
	}
	for _, l := range s.serving {
		e.Sockets = append(e.Sockets, l.Fd())
	}
	return e
}

// replace is called by the loop when nothing is under way. Nothing that the
// backend said is between the FIFO and the file at that moment.
func (s *site) replace(program string, e *estate) error {
	memory, err := memoryFile("keepone-estate", e)
	if err != nil {
		return err
	}
	defer memory.Close()
	kept := append(e.descriptors(), int(memory.Fd()))
	s.drainLog(lastWait)
	ctx, cancel := context.WithTimeout(context.Background(), lastWait)
	defer cancel()
	return s.output.Between(ctx, func() error {
		defer s.uncatch()()
		if s.leaving.Err() != nil || len(s.caught) > 0 {
			return supervise.ErrLeaving
		}
		keepOpen(kept, true)
		defer keepOpen(kept, false)
		env := append(os.Environ(), estateVariable+"="+strconv.Itoa(int(memory.Fd())))
		return fmt.Errorf("cannot run %s: %w", program, unix.Exec(program, os.Args, env))
	})
}

// isReplaced says that the connection ended as it does when keepone replaces
// itself.
func isReplaced(err error) bool {
	return errors.Is(err, errHungUp) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
