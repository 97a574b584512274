package supervise

import (
	"fmt"
	"time"
)

// sameWait says that only what follows is another: the drain, or the wait for
// the exit, goes on, and its deadline is not prolonged.
func sameWait(from, to State) bool {
	draining := func(s State) bool { return s == Draining || s == Closing }
	ending := func(s State) bool { return s == Restarting || s == Stopping }
	return draining(from) && draining(to) || ending(from) && ending(to)
}

// patience is how long a state may last; negative is for ever.
func (s *Supervisor) patience(st State) time.Duration {
	return s.inTime(st, s.usualPatience(st))
}

func (s *Supervisor) usualPatience(st State) time.Duration {
	switch st {
	case Blocked:
		return blockedRetry
	case Starting:
		return s.cfg.ReadyTimeout
	case Draining, Closing:
		if s.behind > 0 && !s.hasty {
			return max(s.limit, leastRest)
		}
		return s.limit
	case Restarting, Stopping:
		if s.pressed {
			return min(s.cfg.HardDrain, s.cfg.StopTimeout)
		}
		return s.cfg.StopTimeout
	case Backoff:
		return s.backoff()
	}
	return -1
}

// backoff doubles with every failure. After a backend that finished there is
// none, only a bound: one that accepts once and exits is not spawned more than
// ten times a second.
func (s *Supervisor) backoff() time.Duration {
	switch {
	case s.because == Finished:
		return max(0, firstBackoff-time.Since(s.status.Started))
	case s.status.Failures == 0:
		return 0
	}
	return min(firstBackoff<<min(s.status.Failures-1, 20), s.cfg.BackoffLimit)
}

// overslept puts a deadline off, once, that is seen long after it passed: this
// process, or the whole host, stood still. What happened meanwhile is seen first,
// unless there is no time left for that.
func (s *Supervisor) overslept() bool {
	if s.lenient || !s.leaveBy.IsZero() || time.Since(s.status.Until) < grace {
		return false
	}
	s.lenient = true
	s.deadline.Reset(grace)
	return true
}

func (s *Supervisor) rearm(d time.Duration) {
	s.deadline.Stop()
	s.lenient = false
	s.status.Until = time.Time{}
	if d >= 0 {
		s.deadline.Reset(d)
		s.status.Until = time.Now().Add(d)
	}
}

// spare prolongs the drain of a queue that was left behind, for as long as it
// gets shorter: who only waited there must not be cut off as if he had been
// served for longer than a request may take. Whoever is accepted last has that
// time, too.
func (s *Supervisor) spare() bool {
	if st := s.status.State; s.behind == 0 || s.hasty || st != Draining && st != Closing {
		return false
	}
	was := s.behind
	if s.behind = s.queued(); s.behind >= was {
		return false
	}
	more := s.inTime(s.status.State, max(s.limit, leastRest))
	if more > 0 {
		s.rearm(more)
	}
	return more > 0
}

// expire notes what the deadline cuts off, then makes the move.
func (s *Supervisor) expire() {
	if s.overslept() || s.spare() {
		return
	}
	why := fmt.Sprintf("not done after %s", time.Since(s.status.Since).Round(time.Millisecond))
	switch s.status.State {
	case Backoff, Blocked:
		why = "trying again"
	case Draining, Closing:
		if s.hasty {
			why = "what it has is not waited for"
		}
		if q, err := s.now.socket.Queue(); err == nil && !s.hasty {
			s.status.Cut = q.Active
			why = fmt.Sprintf("%s: %d connections are still open", why, q.Active)
		}
	case Starting:
		why = fmt.Sprintf("not ready after %s", s.cfg.ReadyTimeout)
		if s.cfg.Unready != nil {
			why += s.cfg.Unready()
		}
		s.because, s.status.LastWords = Unhealthy, s.cfg.LastWords()
		s.status.Failures++
		s.tell(fmt.Errorf("the backend was %s", why), start, restart)
	}
	s.step(expired, why)
}
