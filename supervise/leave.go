package supervise

import "time"

// leave begins the end: the public path goes first, so that a web server
// answers at once instead of queueing at a socket that nobody will serve.
func (s *Supervisor) leave() {
	s.leaving = true
	s.setLeaveBy()
	if s.status.State != Draining && s.status.State != Closing {
		s.limit, s.hasty = s.cfg.DrainTimeout, false
	}
	if s.idle() || s.cfg.Fixed {
		s.limit, s.hasty = 0, true
	}
	if s.cfg.Stays {
		s.setAside()
	} else {
		s.complain(s.published().Withdraw())
	}
	s.step(stop, "keepone stops")
	s.hasten()
}

// setAside lets whoever comes from now on wait for the next keepone, where an
// init system keeps the socket.
func (s *Supervisor) setAside() {
	if s.now.backend == nil {
		return
	}
	if err := s.retire(); err != nil {
		s.cfg.Log("stopping without a next socket: %v", err)
	}
}

// stopShare is the part of LeaveWithin that a backend has at least to exit in,
// where it may take so long: one over this.
const stopShare = 3

// setLeaveBy begins to count.
func (s *Supervisor) setLeaveBy() {
	if s.cfg.LeaveWithin > 0 {
		s.leaveBy = time.Now().Add(s.cfg.LeaveWithin)
	}
}

// inTime is how long a state may last whose own patience is d: whoever ends the
// whole container, or host, does so whether the backend has been told to exit
// or not. A drain leaves what a backend needs to exit; what it does not take
// itself the backend may have.
func (s *Supervisor) inTime(st State, d time.Duration) time.Duration {
	if s.leaveBy.IsZero() {
		return d
	}
	left := time.Until(s.leaveBy)
	switch st {
	case Closing:
		left -= min(s.cfg.StopTimeout, s.cfg.LeaveWithin/stopShare)
	case Stopping:
	default:
		return d
	}
	return max(0, min(d, left))
}

// hasten shortens a deadline that ran already when keepone was told to leave.
func (s *Supervisor) hasten() {
	st := &s.status
	if st.Until.IsZero() {
		return
	}
	if d := time.Until(st.Until); s.inTime(st.State, d) < d {
		s.rearm(s.inTime(st.State, d))
		s.publish()
	}
}

// end closes what is left when the backend is down; callers hear of it from
// the state, and from Run's end.
func (s *Supervisor) end() {
	s.endExcuses()
	for _, g := range []generation{s.now, s.next} {
		if g.socket != nil {
			g.socket.Close()
		}
	}
	s.loose.Wait()
}
