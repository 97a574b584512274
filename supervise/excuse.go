package supervise

import "time"

// serving follows whether a backend lives, for those who wait for one.
func (s *Supervisor) serving(to State) {
	switch to {
	case Up:
		s.unserved = time.Time{}
	case Down, Blocked, Backoff:
		if s.unserved.IsZero() {
			s.unserved = time.Now()
		}
		return
	}
	s.endExcuse() // a backend comes, or is there
}

func (s *Supervisor) endExcuse() {
	if s.excused != nil {
		s.excused()
		s.excused, s.status.Excusing = nil, false
	}
}

// excuse lets somebody answer those who wait when no backend has served for
// long, and none is coming this moment. After an operator's stop nobody is
// expected soon, so there is no waiting.
func (s *Supervisor) excuse() {
	st := s.status.State
	if s.cfg.Excuse == nil || s.excused != nil || s.leaving || st != Down && st != Blocked && st != Backoff {
		return
	}
	if st != Down && time.Since(s.unserved) < s.cfg.ExcuseAfter {
		return
	}
	for _, g := range []generation{s.now, s.next} {
		if g.socket == nil {
			continue
		}
		if q, err := g.socket.Queue(); err != nil || q.Pending == 0 {
			continue
		}
		end, err := s.cfg.Excuse(g.socket)
		if err != nil {
			s.cfg.Log("cannot answer in the place of the backend: %v", err)
			return
		}
		s.excused, s.status.Excusing = end, true
		s.publish()
		return
	}
}
