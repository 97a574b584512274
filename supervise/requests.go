package supervise

import (
	"context"
	"errors"
	"slices"
)

// Options says how a planned restart or stop is done.
type Options struct {
	Now     bool // do not wait for requests in flight
	NoCheck bool // do not run the check first
	NoWait  bool // return when it has begun
	Lent    bool // of a stop: somebody else has the backend's place for a while
}

// ErrLeaving is the answer to requests that come while keepone stops.
var ErrLeaving = errors.New("keepone is stopping")

type request struct {
	ev    event // start, stop or restart; numEvents for a question
	opts  Options
	reply chan answer // of capacity 1: a caller that went away blocks nobody
	look  *Look       // a question that is answered in place
	alter func(*Config)
	calm  func(Status) error // to be called when nothing is under way
	taken *Incumbent         // to be followed by a backend of ours
}

type answer struct {
	status Status
	err    error
}

// A waiter is a caller who is told when the backend is up, or down after stop.
type waiter struct {
	ev    event
	reply chan answer
}

// Status reports what the backend is doing now.
func (s *Supervisor) Status(ctx context.Context) (Status, error) {
	return s.ask(ctx, request{ev: numEvents})
}

// A Look asks again and again without leaving garbage. It belongs to one
// goroutine.
type Look struct {
	Status Status // the latest answer
	Pids   []int  // the backend's processes at its last sample
	filled chan struct{}
}

// NewLook returns a Look that has not been answered yet.
func NewLook() *Look { return &Look{filled: make(chan struct{}, 1)} }

// Look fills l; it fails when Run has ended.
func (s *Supervisor) Look(l *Look) error {
	select {
	case s.requests <- request{ev: numEvents, look: l}:
		<-l.filled // served at once
		return nil
	case <-s.ended:
		return ErrLeaving
	}
}

// Restart replaces the backend and returns when the next one is up, or has
// failed. Callers who come before the next one is spawned join the one restart.
// When ctx ends, the restart goes on without the caller.
func (s *Supervisor) Restart(ctx context.Context, o Options) (Status, error) {
	return s.ask(ctx, request{ev: restart, opts: o})
}

// Stop ends the backend and returns when it is down; its socket stays.
func (s *Supervisor) Stop(ctx context.Context, o Options) (Status, error) {
	return s.ask(ctx, request{ev: stop, opts: o})
}

// Start returns when a backend is up, or has failed.
func (s *Supervisor) Start(ctx context.Context, o Options) (Status, error) {
	return s.ask(ctx, request{ev: start, opts: o})
}

// Reconfigure lets change alter the limits of the loop's patience, and what
// else belongs to the loop's goroutine. A deadline that runs is not altered.
func (s *Supervisor) Reconfigure(ctx context.Context, change func(*Config)) error {
	_, err := s.ask(ctx, request{ev: numEvents, alter: change})
	return err
}

// Hurry ends a drain under way, as Options.Now does.
func (s *Supervisor) Hurry(ctx context.Context) error {
	_, err := s.ask(ctx, request{ev: numEvents, opts: Options{Now: true}})
	return err
}

func (s *Supervisor) ask(ctx context.Context, r request) (Status, error) {
	r.reply = make(chan answer, 1)
	select {
	case s.requests <- r:
	case <-s.ended:
		return Status{}, ErrLeaving
	case <-ctx.Done():
		return Status{}, ctx.Err()
	}
	select {
	case a := <-r.reply:
		return a.status, a.err
	case <-s.ended:
		return late(r.reply, ErrLeaving)
	case <-ctx.Done():
		return late(r.reply, ctx.Err())
	}
}

// late prefers an answer that came in the same moment.
func late(reply <-chan answer, err error) (Status, error) {
	select {
	case a := <-reply:
		return a.status, a.err
	default:
		return Status{}, err
	}
}

// serve answers a question at once and books everything else.
func (s *Supervisor) serve(r request) {
	if r.calm != nil {
		s.calmly = append(s.calmly, r)
		return
	}
	if r.taken != nil {
		s.takes = append(s.takes, r)
		return
	}
	if r.ev == numEvents {
		if r.opts.Now {
			s.hurry()
		}
		if r.alter != nil {
			s.alter(r.alter)
		}
		s.answer(r)
		return
	}
	if s.leaving {
		r.reply <- answer{s.snapshot(), ErrLeaving}
		return
	}
	if r.ev == stop {
		s.tell(errStopped, start, restart)
	} else {
		s.tell(errStarted, stop)
	}
	s.waiting = append(s.waiting, waiter{r.ev, r.reply})
	s.lent = r.ev == stop && r.opts.Lent
	if r.ev == start {
		s.step(start, "start-backend")
		s.settle(s.status.State)
	} else {
		s.plan(r.ev, Operator, r.opts)
	}
	if r.opts.NoWait {
		s.dispatch(r.reply)
	}
}

// alter changes the configuration, and what hangs on it.
func (s *Supervisor) alter(change func(*Config)) {
	limits := s.cfg.Limits
	if change(&s.cfg); s.cfg.Limits != limits {
		s.small = false
	}
	s.pace()
	if s.cfg.Excuse == nil {
		s.endExcuses()
	}
	s.publish()
}

// dispatch answers one caller who does not wait for the outcome, unless that
// is there already.
func (s *Supervisor) dispatch(reply chan answer) {
	s.waiting = slices.DeleteFunc(s.waiting, func(w waiter) bool {
		if w.reply == reply {
			reply <- answer{status: s.snapshot()}
		}
		return w.reply == reply
	})
}

// answer says how things are.
func (s *Supervisor) answer(r request) {
	if s.cfg.Sample <= 0 {
		s.sample()
	}
	st := s.snapshot()
	st.Queue = s.queue()
	if r.look == nil {
		r.reply <- answer{status: st}
		return
	}
	r.look.Status, r.look.Pids = st, r.look.Pids[:0]
	if s.now.backend != nil {
		r.look.Pids = append(r.look.Pids, s.pids...)
	}
	r.look.filled <- struct{}{}
}

// queue adds up the generations.
func (s *Supervisor) queue() (sum Queue) {
	for _, g := range []generation{s.now, s.next} {
		if g.socket == nil {
			continue
		}
		q, err := g.socket.Queue()
		if err != nil {
			s.cfg.Log("cannot ask for the queue of generation %d: %v", g.socket.Generation(), err)
		}
		sum.Pending += q.Pending
		if sum.Active += q.Active; q.Shared {
			sum.Active = q.Active
		}
		sum.Backlog = q.Backlog
	}
	return sum
}
