package supervise

import (
	"fmt"
	"time"
)

// weigh restarts a backend that is too big.
func (s *Supervisor) weigh(w Weight) {
	if w.Steep != s.quick {
		s.quick = w.Steep
		s.pace()
	}
	st := &s.status
	if w.Fits > 0 && !s.small {
		s.small = true
		s.tellMemory(Warning, "a memory limit is too small for this backend: "+mebibytes(w.Fits)+" would fit")
	}
	if w.Soft || w.Hard {
		s.overAt = time.Now()
	} else if time.Since(s.overAt) >= calmDown {
		st.Over, st.Postponed = false, ""
	}
	switch hurried := s.preparing != nil && s.preparing.opts.Now; {
	case w.Hard && !s.cfg.OnlyWarn && s.onItsWay():
		s.press()
	case st.State != Up || !w.Soft && !w.Hard || time.Since(st.Since) < leastUp:
	case s.cfg.OnlyWarn:
		s.warn(w)
	case w.Hard && !hurried:
		s.tellMemory(Limit, "hard limit passed, with "+mebibytes(w.RSS+w.Swap))
		s.plan(restart, Memory, Options{Now: true, NoCheck: true})
	case w.Soft && s.preparing == nil && !time.Now().Before(s.holdOff):
		if st.Postponed == "" { // else it is told already
			s.tellMemory(Limit, "soft limit passed, with "+mebibytes(w.RSS+w.Swap))
		}
		s.plan(restart, Memory, Options{})
	}
}

// onItsWay says that the backend drains or exits, and has more time for it than
// one over the hard limit gets.
func (s *Supervisor) onItsWay() bool {
	st := s.status.State
	return !s.pressed && (st == Draining || st == Closing || st == Restarting || st == Stopping)
}

// press takes that time away: it may leak on.
func (s *Supervisor) press() {
	s.tellMemory(Limit, "hard limit passed on the way out, with "+mebibytes(s.status.RSS+s.status.Swap))
	s.pressed = true
	if time.Until(s.status.Until) > s.cfg.HardDrain {
		s.rearm(s.cfg.HardDrain)
	}
}

// warn tells it once, until the backend has been below the limits for a while.
func (s *Supervisor) warn(w Weight) {
	if s.status.Over {
		return
	}
	s.status.Over = true
	which := "soft"
	if w.Hard {
		which = "hard"
	}
	s.tellMemory(Warning, "over the memory limit ("+which+"), with "+mebibytes(w.RSS+w.Swap))
}

func (s *Supervisor) tellMemory(kind Kind, text string) {
	s.cfg.Log("memory: %s", text)
	s.event(kind, text)
}

// pace sets how often everything is looked at.
func (s *Supervisor) pace() {
	every := s.cfg.Sample
	switch {
	case every <= 0:
		s.sampling.Stop()
		return
	case s.quick:
		every = min(every, max(every/oftener, quickest))
	}
	s.sampling.Reset(every)
}

// starved recognises a kill by the kernel for want of memory: SIGKILL that we
// did not send, and the kernel says that it has killed somebody. The size at
// its last sample goes into the exit's text.
func (s *Supervisor) starved(e *Exit) bool {
	st := s.status.State
	if s.cfg.Starved == nil || !s.cfg.Starved() || !e.Killed || st != Starting && st != Up && st != Draining && st != Closing {
		return false
	}
	e.Text = fmt.Sprintf("killed by the kernel: out of memory, with %s at its last sample", mebibytes(s.status.RSS+s.status.Swap))
	return true
}

func mebibytes(bytes uint64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
