package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"keepone/process"
	"keepone/socket"
	"keepone/store"
	"keepone/supervise"
)

// The times that are not configured.
const (
	lastWait = time.Second           // for the last words: output that cannot be read must not hold the loop
	recount  = 20 * time.Millisecond // between looks at connections from other network namespaces
)

// kernel wires the loop to the packages that do the work.
func (s *site) kernel() supervise.Config {
	k := supervise.Config{
		Bind:      s.bind,
		Spawn:     s.spawn,
		Ready:     s.ready,
		Quiet:     quiet,
		Drained:   s.drained,
		Probe:     s.probe,
		Check:     s.check,
		Unready:   s.whyUnready,
		Mend:      s.mend,
		Trouble:   s.trouble,
		Weigh:     s.weigh,
		Starved:   s.starved,
		Pulse:     pulse(),
		Alive:     beat,
		Event:     s.event,
		LastWords: s.lastWords,
		Changed:   s.changed,
		Log:       s.log,
		Fixed:     s.fixed,
		Stays:     s.fixed || store.Enabled(),
	}
	s.policy(&k)
	return k
}

// policy is what a reload may change.
func (s *site) policy(k *supervise.Config) {
	c := s.config()
	k.Settles = c.Ready.By == "settle"
	k.ReadyTimeout, k.DrainTimeout, k.StopTimeout = c.Ready.Timeout, c.Drain.Timeout, c.Stop.Timeout
	k.Patience, k.BackoffLimit, k.Sample = c.Drain.Patience, c.Backoff.Limit, pace(c.Config)
	k.Limits = [2]uint64{c.Memory.Soft.Of(c.room), c.Memory.Hard.Of(c.room)}
	k.LeaveWithin = s.tenure.leaveWithin()
	k.SoftPatience, k.HardDrain, k.OnlyWarn = c.Memory.Patience, c.Memory.HardDrain, c.Memory.Action == "warn"
	k.ProbeEvery, k.Failing, k.FailingOf = c.Health.Interval, c.Health.Failures, c.Health.Of
	k.ExcuseAfter, k.Excuse, k.Stuck = c.Unavailable.Wait, nil, nil
	if c.Unavailable.Wait > 0 {
		k.Excuse = s.excuse
	}
	if s.look.watch.SetTimeout(c.Hang.Timeout); c.Hang.Timeout > 0 {
		k.Stuck = s.stuck
	}
}

func (s *site) bind(generation int) (supervise.Socket, error) {
	options, err := s.socketOptions()
	if err != nil {
		return nil, err
	}
	l, err := socket.Bind(options, generation)
	if err != nil {
		return nil, err
	}
	return s.adapt(l), nil
}

// ready waits as configured, and gives the listening socket its backlog again:
// many programs call listen(2) on the socket they are handed.
func (s *site) ready(ctx context.Context, on supervise.Socket, from supervise.Backend) error {
	l, by := on.(listener), s.config().Ready.By
	if err := s.becomes(ctx, from.(backend)); err != nil {
		return err
	}
	if by != "settle" {
		err := s.readyBy(ctx, by, l.Listener, from.(backend))
		if err == nil {
			return l.Relisten()
		}
		if ctx.Err() != nil || errors.Is(err, socket.ErrShutDown) {
			return err
		}
		s.log("settling for %s instead of seeing the backend accept: %v", s.config().Ready.Settle, err)
	}
	select {
	case <-time.After(s.config().Ready.Settle):
		return l.Relisten()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// becomes waits until the shim is the backend: a connection of ours before that
// would wait in the queue of one that never comes, and count as a visitor's.
func (s *site) becomes(ctx context.Context, from backend) error {
	for pause := time.Millisecond; process.IsShim(from.PID(), s.name); pause = min(2*pause, recount) {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (s *site) readyBy(ctx context.Context, by string, l *socket.Listener, from backend) error {
	switch by {
	case "request", "values":
		return s.untilAnswered(ctx, l, from, by == "values")
	case "notify":
		if !from.adopted { // else it may have said so to a keepone that was killed
			return s.saysReady(ctx, from)
		}
	}
	return socket.Ready(ctx, l)
}

func quiet(ctx context.Context, on supervise.Socket, patience time.Duration) error {
	return socket.Quiet(ctx, on.(listener).Listener, patience)
}

// drained also asks the backend's own descriptors: connections from another
// network namespace, a web server in a container, are in no dump of ours.
func (s *site) drained(ctx context.Context, on supervise.Socket, from supervise.Backend) error {
	l, members := on.(listener).Listener, from.(backend).Members
	for {
		if err := socket.Drained(ctx, l, nil); err != nil {
			return err
		}
		n, err := socket.ActiveIn(l, members())
		if errors.Is(err, os.ErrPermission) {
			n, err = s.unseen(l, from.(backend))
		}
		if n == 0 || err != nil {
			return err
		}
		select {
		case <-time.After(recount):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// unseen counts as the backend's user. Who may not even do that is an ordinary
// user who has no web server in a container of somebody else's, or is told.
func (s *site) unseen(l *socket.Listener, from backend) (int, error) {
	uid, gid, _, err := from.made.Credentials()
	if err != nil {
		return 0, err
	}
	n, err := socket.UnseenIn(l, from.Members(), uid, gid)
	if errors.Is(err, os.ErrPermission) {
		if isFirst() {
			s.log("warning: requests from another network namespace are not waited for: %v", err)
		}
		return 0, nil
	}
	return n, err
}

func (s *site) lastWords() string {
	ctx, cancel := context.WithTimeout(context.Background(), lastWait)
	defer cancel()
	words, err := s.output.Last(ctx, true)
	if err != nil {
		return fmt.Sprintf("(its output could not be read: %v)", err)
	}
	if words.Lost > s.lost {
		s.log("warning: %d bytes of the backend's output did not get into %s: %v", words.Lost-s.lost, s.config().outputTo, words.Cause)
		s.lost = words.Lost
	}
	return strings.Join(words.Lines, "\n")
}
