package supervise

import (
	"context"
	"errors"
	"time"
)

// An Incumbent is a rival: a backend that somebody else started and that serves at the public
// path.
type Incumbent struct {
	Socket  Socket             // what it listens at
	Backend Backend            // its processes; Terminate is whatever ends them for good
	Started time.Time          // when it was started
	Refused func()             // says that it is not taken; else it belongs to the loop. nil for nobody to hear it
	Publish func(Socket) error // puts a socket of ours over the rival's
}

// Why there is nothing to take over.
var (
	errServed     = errors.New("the backend runs already")
	errQueued     = errors.New("requests wait at a former socket of ours")
	errUnholdable = errors.New("the socket can have no next generation")
)

// TakeOver lets a backend of ours follow a rival as it follows any other: what
// comes from now on waits at our socket, the rival finishes what it has and is
// ended, and returns when ours is up. Where that cannot begin nothing has
// changed, and Refused is called before the error is returned.
//
// It waits while a spawn is being tried.
func (s *Supervisor) TakeOver(ctx context.Context, r Incumbent, o Options) (Status, error) {
	return s.ask(ctx, request{ev: start, opts: o, taken: &r})
}

// take serves those who have found a rival, when no process of ours is there.
func (s *Supervisor) take() {
	st := s.status.State
	for len(s.takes) > 0 && (s.leaving || st == Down || st == Blocked || st == Backoff || st == Up) {
		r := s.takes[0]
		s.takes = s.takes[1:]
		if err := s.takeOver(r); err != nil {
			if r.taken.Refused != nil {
				r.taken.Refused()
			}
			r.reply <- answer{s.snapshot(), err}
		}
		st = s.status.State
	}
}

// takeOver makes the rival the present generation, and the socket that is ours
// the next: the rest is a planned restart.
func (s *Supervisor) takeOver(r request) error {
	switch ours := s.now; {
	case s.leaving:
		return ErrLeaving
	case ours.backend != nil:
		return errServed
	case s.next.socket != nil:
		return errQueued
	case s.cfg.Fixed:
		return errUnholdable
	}
	shim, err := s.cfg.Spawn(s.now.socket, true)
	if err != nil {
		return err
	}
	ours := s.now.socket
	s.now, s.next = generation{r.taken.Socket, r.taken.Backend}, generation{ours, shim}
	s.books(r.taken)
	s.publish() // recorded before it can be needed: keepone may be killed now
	if err := r.taken.Publish(ours); err != nil {
		s.now, s.next = generation{socket: ours}, generation{}
		s.status.PID, s.status.Adopted, s.status.Generation = 0, false, ours.Generation()
		s.dismiss(shim)
		s.publish()
		return err
	}
	s.waiting = append(s.waiting, waiter{start, r.reply})
	s.replace, s.wasUp, s.rival = Taken, true, ""
	if s.limit, s.hasty = s.cfg.DrainTimeout, r.opts.Now; s.hasty {
		s.limit = 0
	}
	s.step(adopted, "a rival is taken over")
	s.step(ready, "it serves")
	if r.opts.NoWait {
		s.dispatch(r.reply)
	}
	return nil
}

// books is began for a backend that somebody else started.
func (s *Supervisor) books(r *Incumbent) {
	st := &s.status
	st.PID, st.Started, st.Adopted, st.Generation = r.Backend.PID(), r.Started, true, r.Socket.Generation()
	s.pids = append(s.pids[:0], st.PID)
	st.RSS, st.Peak, st.Swap, st.Fits, st.Over, st.Postponed = 0, 0, 0, 0, false, ""
}
