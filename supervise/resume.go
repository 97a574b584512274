package supervise

import (
	"context"
	"time"
)

// A Legacy is what a keepone that was killed left for the next one.
type Legacy struct {
	Backend  Backend   // still alive, on the socket given to New; nil for none
	Started  time.Time // when that was spawned
	Next     Socket    // published since, where the backend was draining; nil for none
	WasUp    bool      // it was ready already: it is not asked again
	Own      bool      // this very process spawned it, before it replaced itself
	Replace  bool      // it is not wanted for long: when it is seen to serve, a restart follows
	Stopped  bool      // an operator had stopped the backend, or was about to: it stays so, or is stopped
	Lent     bool      // but only for a while
	Restarts int       // so far
	Last     Restart   // the latest of them
	LastExit string    // how the former backend ended
	Failures int       // in a row
	Peak     uint64    // the backend's largest sample, bytes
	Seen     *Status   // what this very process knew, where it replaced itself; nil where another was killed
}

// Resume makes Run go on where the former keepone was killed. It is called
// before Run.
func (s *Supervisor) Resume(l Legacy) {
	s.now.backend, s.next.socket = l.Backend, l.Next
	s.stopped, s.lent, s.wasUp = l.Stopped, l.Lent, l.WasUp
	if l.Replace {
		s.replace = Adopted
	}
	if l.Seen != nil {
		s.since = l.Seen.Since
	}
	s.status.Restarts, s.status.Last, s.status.LastExit, s.status.Failures = l.Restarts, l.Last, l.LastExit, l.Failures
	if seen := l.Seen; seen != nil {
		st := &s.status
		st.RSS, st.Swap, st.Fits = seen.RSS, seen.Swap, seen.Fits
		st.LastWords, st.Cut, st.HighWater, st.Samples, st.Renewed = seen.LastWords, seen.Cut, seen.HighWater, seen.Samples, seen.Renewed
	}
	if l.Backend != nil {
		s.status.PID, s.status.Started, s.status.Adopted, s.status.Peak = l.Backend.PID(), l.Started, !l.Own, l.Peak
	}
}

// begin is the first move. An adopted backend has to show that it is ready where
// the former keepone was killed while it started: one that was up may be busy,
// or have said so once and for all. With a next generation published already,
// ready leads on to it.
func (s *Supervisor) begin() {
	switch {
	case s.now.backend != nil:
		why := "a former keepone's backend, process still alive"
		if s.status.Adopted {
			s.event(Survived, why)
		} else {
			why = "keepone was replaced, its backend was not"
			s.silent = true // nothing has happened to it
			defer func() { s.silent = false }()
		}
		s.step(adopted, why)
		switch {
		case s.stopped: // that was under way
			s.plan(stop, Operator, Options{})
		case s.wasUp:
			s.step(ready, "it was up")
			if s.status.Since = s.status.Started; s.since.After(s.status.Since) {
				s.status.Since = s.since
			}
		}
	case s.stopped:
		s.cfg.Log("down: it was stopped before the former keepone was killed")
		s.publish()
	default:
		s.step(start, "keepone started")
	}
}

// WhenCalm calls f on the loop's goroutine as soon as nothing is under way: no
// start, no drain, no stop, nobody who waits for an outcome. While f runs nothing changes,
// so a process that replaces itself there loses nothing. It returns what f does.
func (s *Supervisor) WhenCalm(ctx context.Context, f func(Status) error) error {
	_, err := s.ask(ctx, request{ev: numEvents, calm: f})
	return err
}

// calm serves who waited for this moment. A caller who has gone meanwhile has
// still asked.
func (s *Supervisor) calm() {
	st := s.status.State
	handover := s.next.socket != nil && s.now.backend != nil
	busy := s.leaving || s.preparing != nil || s.probing != nil || handover || len(s.waiting) > 0
	if len(s.calmly) == 0 || busy || st != Down && st != Blocked && st != Up && st != Backoff {
		return
	}
	for _, r := range s.calmly {
		err := r.calm(s.snapshot())
		r.reply <- answer{s.snapshot(), err}
	}
	s.calmly = nil
}
