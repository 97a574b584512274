package supervise

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// What becomes of a request when the opposite is asked for, and of a broken
// socket at which somebody waits.
var (
	errStopped = errors.New("the backend was stopped meanwhile")
	errStarted = errors.New("the backend was started again meanwhile")
	errWaiting = errors.New("requests wait at it")
)

// settle tells the callers whose outcome the state is. A generation that still
// has a successor to hand over to is not the outcome.
func (s *Supervisor) settle(st State) {
	var notUp error
	switch st {
	case Up:
		if s.next.socket != nil || s.preparing != nil {
			return
		}
		s.tell(nil, start, restart)
		return
	case Down:
		s.rest()
		s.because = "" // whatever comes next is a start
		s.tell(nil, stop)
		if notUp = errStopped; s.leaving {
			notUp = ErrLeaving
		}
	case Blocked:
		notUp = fmt.Errorf("another interpreter runs: %s", s.status.Why)
	case Backoff:
		if s.status.Failures == 0 {
			return // finished: the next one follows at once
		}
		notUp = fmt.Errorf("the backend failed: %s", s.status.Why)
	default:
		return
	}
	s.tell(notUp, start, restart)
}

// tell answers the callers who asked for one of that.
func (s *Supervisor) tell(err error, asked ...event) {
	rest := s.waiting[:0]
	for _, w := range s.waiting {
		if slices.Contains(asked, w.ev) {
			w.reply <- answer{s.snapshot(), err}
		} else {
			rest = append(rest, w)
		}
	}
	clear(s.waiting[len(rest):])
	s.waiting = rest
}

// rest lets go of what only a coming backend would need: the shim, and a
// generation at which nobody waits. keepone itself holds the sockets.
func (s *Supervisor) rest() {
	if s.next.backend != nil {
		s.dismiss(s.next.backend)
		s.next.backend = nil
	}
	if s.next.socket != nil && s.queued() == 0 {
		s.now.socket.Close()
		s.now, s.next = generation{socket: s.next.socket}, generation{}
		s.status.Generation = s.now.socket.Generation()
	}
}

// hurry lets a drain end now.
func (s *Supervisor) hurry() {
	if s.status.State == Draining || s.status.State == Closing {
		s.hasty = true
		s.deadline.Reset(0)
		s.status.Until = time.Now()
	}
}

// published is the socket at the public path.
func (s *Supervisor) published() Socket {
	if s.next.socket != nil {
		return s.next.socket
	}
	return s.now.socket
}
