package supervise

import "time"

// mend looks after the socket at the public path. What cannot be cured there
// is: a listening socket that a holder has shut down, a file that is gone and
// cannot be put back. Then only a new generation helps, at once.
func (s *Supervisor) mend() {
	if s.cfg.Mend == nil || s.leaving {
		return
	}
	err := s.cfg.Mend(s.published())
	if err == nil || s.cfg.Fixed || time.Now().Before(s.renewAt) {
		return
	}
	s.renewAt = time.Now().Add(firstBackoff)
	s.cfg.Log("the listening socket is of no use any more: %v", err)
	if err := s.renew(); err != nil {
		s.renewAt = time.Now().Add(renewPause)
		s.cfg.Log("cannot replace it yet, trying again every second: %v", err)
		return
	}
	s.publish()
	s.status.Renewed++
	up := s.status.State == Up || s.status.State == Starting
	if up && s.now.backend != nil {
		s.abandon() // whoever asked for that restart has it
		s.limit, s.hasty, s.because = s.cfg.DrainTimeout, s.idle(), Broken
		if s.hasty {
			s.limit = 0
		}
		s.step(restart, string(Broken))
	}
}

// renew publishes another generation over the broken one.
func (s *Supervisor) renew() error {
	switch broken := s.next; {
	case broken.socket != nil: // nobody serves it yet
		return s.renewNext(broken)
	case s.now.backend != nil:
		return s.retire()
	}
	sock, err := s.cfg.Bind(s.now.socket.Generation() + 1)
	if err != nil {
		return err
	}
	if err := sock.Publish(); err != nil {
		sock.Close()
		return err
	}
	s.next = generation{socket: sock}
	if s.status.State == Down {
		s.rest()
	}
	return nil
}

// renewNext replaces a next generation at which nobody waits. Whoever waits is
// served first: the error says so.
func (s *Supervisor) renewNext(broken generation) error {
	q, err := broken.socket.Queue()
	if err == nil && q.Pending > 0 {
		return errWaiting
	}
	sock, err := s.cfg.Bind(broken.socket.Generation() + 1)
	if err != nil {
		return err
	}
	if err := sock.Publish(); err != nil {
		sock.Close()
		return err
	}
	s.next = generation{socket: sock}
	if broken.backend != nil {
		s.dismiss(broken.backend)
		s.hold()
	}
	return broken.socket.Close()
}
