package supervise

import "time"

// A Legacy is what a keepone that was killed left for the next one.
type Legacy struct {
	Backend  Backend   // still alive, on the socket given to New; nil for none
	Started  time.Time // when that was spawned
	Next     Socket    // published since, where the backend was draining; nil for none
	Stopped  bool      // an operator had stopped the backend: it stays so
	Restarts int       // so far
}

// Resume makes Run go on where the former keepone was killed. It is called
// before Run.
func (s *Supervisor) Resume(l Legacy) {
	s.now.backend, s.next.socket = l.Backend, l.Next
	s.stopped = l.Stopped
	s.status.Restarts = l.Restarts
	if l.Backend != nil {
		s.status.PID, s.status.Started, s.status.Adopted = l.Backend.PID(), l.Started, true
	}
}

// begin is the first move. An adopted backend has to show that it is ready like
// any other: the former keepone may have been killed while it started. With a
// next generation published already, ready leads on to it.
func (s *Supervisor) begin() {
	switch {
	case s.now.backend != nil:
		s.step(adopted, "a former keepone's backend, process still alive")
	case s.stopped:
		s.cfg.Log("down: it was stopped before the former keepone was killed")
		s.publish()
	default:
		s.step(start, "keepone started")
	}
}
