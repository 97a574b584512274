package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"keepone/process"
	"keepone/record"
	"keepone/supervise"
)

// lend stops the backend, so that a job may run in its place, until the process
// who asked gives the place back or has ended. Who waits at the socket waits on.
func (s *site) lend(ctx context.Context, pid int, o supervise.Options) (supervise.Status, error) {
	who, err := record.Identify(pid)
	if err != nil {
		return supervise.Status{}, fmt.Errorf("cannot lend the backend's place to process %d: %w", pid, err)
	}
	st, err := s.loop.Status(ctx)
	if err != nil {
		return st, err
	}
	down := st.State == supervise.Down || st.State == supervise.Closing || st.State == supervise.Stopping
	t := &record.Turn{Process: who, Wanted: !down}
	if !s.turn.CompareAndSwap(nil, t) {
		return st, errors.New("another job has the backend's place")
	}
	if err := s.awaitTurn(t); err != nil {
		s.turn.CompareAndSwap(t, nil)
		return st, err
	}
	o.Lent = true
	return s.loop.Stop(ctx, o)
}

// awaitTurn takes the place back when who has it has ended, whatever it was that
// ended him.
func (s *site) awaitTurn(t *record.Turn) error {
	pidfd, err := t.Open()
	if err != nil {
		return err
	}
	go func() {
		defer unix.Close(pidfd)
		if err := process.AwaitEnd(pidfd); err != nil {
			s.log("warning: cannot see the end of process %d, so its turn is over: %v", t.PID, err)
		}
		if now := s.turn.Load(); now != nil && now.Process == t.Process {
			s.log("process %d, which had the backend's place, has ended", t.PID)
			s.takeBack(context.Background())
		}
	}()
	return nil
}

// want keeps what an operator asked for while somebody else has the backend's
// place: it is so when that is over.
func (s *site) want(wanted bool) {
	if t := s.turn.Load(); t != nil {
		s.turn.CompareAndSwap(t, &record.Turn{Process: t.Process, Wanted: wanted})
	}
}

// giveBack is what who has the backend's place asks for at the end.
func (s *site) giveBack(ctx context.Context, pid int) (supervise.Status, error) {
	if t := s.turn.Load(); t == nil || t.PID != pid {
		return supervise.Status{}, fmt.Errorf("process %d does not have the backend's place", pid)
	}
	return s.takeBack(ctx)
}

// takeBack ends what a job left, and starts the backend if it is wanted. The
// turn lasts until then: whoever comes next must not find the place free and
// lose it again.
func (s *site) takeBack(ctx context.Context) (supervise.Status, error) {
	t := s.turn.Load()
	if t == nil || !s.takingBack.CompareAndSwap(false, true) {
		return supervise.Status{}, errors.New("nobody has the backend's place")
	}
	s.endJobs(t.Process)
	wanted := s.turn.Swap(nil).Wanted // an operator may have asked meanwhile
	s.takingBack.Store(false)
	if wanted {
		return s.loop.Start(ctx, supervise.Options{})
	}
	err := s.loop.Reconfigure(ctx, func(*supervise.Config) {}) // which records it
	if err != nil {
		return supervise.Status{}, err
	}
	return s.loop.Status(ctx)
}

// resumeTurn goes on with a turn that was lent by a former keepone.
func (s *site) resumeTurn(t *record.Turn) {
	if t == nil {
		return
	}
	s.turn.Store(t)
	if err := s.awaitTurn(t); err == nil {
		s.former.Lent = s.former.Stopped
		return
	}
	s.turn.Store(nil)
	s.endJobs(t.Process)
	s.former.Stopped = s.former.Stopped && !t.Wanted
}

// errLent says why an operator who wants the backend does not get it now; what he
// asked for is done when the turn is over. It is nil where nobody has a turn.
func (s *site) errLent() error {
	s.want(true)
	t := s.turn.Load()
	if t == nil {
		return nil
	}
	return fmt.Errorf("a job has the backend's place (keepone exec, process %d); it is started when that is over", t.PID)
}

// endJobs ends what is left of the job that this keepone exec ran, and of no
// other: before the backend has its place again, nothing of it may be there.
func (s *site) endJobs(by record.Process) {
	mark, err := jobMark(s.target, by)
	var left []int
	if err == nil {
		uid, _, _, cause := s.config().Credentials()
		left, err = process.EndJobs(mark, uid), cause
	}
	if len(left) > 0 || err != nil {
		s.log("warning: processes of a job may still live: %v (%v)", left, err)
	}
}

// jobMark is that of what one keepone exec runs.
func jobMark(t target, by record.Process) (string, error) {
	mark, err := process.Mark(t.runDir)
	return fmt.Sprintf("%s:%d.%d", mark, by.PID, by.Start), err
}
