package supervise

import "time"

func exits(b Backend) <-chan Exit {
	if b == nil {
		return nil
	}
	return b.Exited()
}

// spawn lets a backend run. The former generation is left only when nobody
// waits at it any more: a backend that died while it drained may have left a
// queue, and the next one serves that first.
func (s *Supervisor) spawn() {
	s.mend() // the former one may have broken its socket and died of it
	var held Backend
	if s.next.socket != nil && s.queued() == 0 {
		s.now.socket.Close()
		s.now.socket, held, s.next = s.next.socket, s.next.backend, generation{}
		s.status.Generation = s.now.socket.Generation()
	}
	if held != nil && s.run(held) != nil {
		s.dismiss(held)
		held = nil
	}
	if held == nil {
		b, err := s.cfg.Spawn(s.now.socket, false)
		if err != nil {
			s.now.backend = nil
			s.gone(Exit{Text: err.Error()})
			return
		}
		if err := s.run(b); err != nil { // it is dead, as its exit will say, or will be
			s.complain(b.Kill())
		}
	}
	s.watch(ready, s.afterExcuses())
}

// run gives a shim the word. It is recorded as the backend before: were keepone
// killed now, the next one would know whom it finds.
func (s *Supervisor) run(shim Backend) error {
	s.now.backend = shim
	s.began()
	s.publish()
	s.cfg.LastWords() // what is said so far is the former one's
	return shim.Go()
}

// began books a new backend.
func (s *Supervisor) began() {
	st := &s.status
	if s.because != "" {
		st.Restarts++
		st.Last = Restart{Reason: s.because, Exit: st.LastExit, At: time.Now()}
	}
	if s.rival == "" {
		s.event(Begun, s.whyBegun())
	}
	s.because, s.limit, s.hasty, s.pressed, s.behind = "", s.cfg.DrainTimeout, false, false, 0
	st.Health, s.health = "", outcomes{next: time.Now().Add(s.cfg.ProbeEvery)}
	st.PID, st.Started, st.Adopted = s.now.backend.PID(), time.Now(), false
	s.pids = append(s.pids[:0], st.PID)
	st.RSS, st.Peak, st.Swap, st.Fits, st.Over, st.Postponed = 0, 0, 0, 0, false, ""
}

func (s *Supervisor) whyBegun() string {
	if s.because == "" {
		return "started"
	}
	return string(s.because) + ": " + s.status.LastExit
}

// queued is how many connections wait at the current generation; 0 also where
// the kernel does not tell.
func (s *Supervisor) queued() int {
	q, err := s.now.socket.Queue()
	if err != nil {
		s.cfg.Log("cannot ask for the queue of generation %d: %v", s.now.socket.Generation(), err)
	}
	return q.Pending
}

// gone books the end of a backend that ran, or of one that could not.
func (s *Supervisor) gone(e Exit) {
	st := &s.status
	if s.now.backend != nil {
		s.unwatch() // whoever watches may be asking the backend
		s.endProbe()
		s.now.backend.Close()
		s.now.backend, s.paused = nil, false
	}
	starved := s.starved(&e)
	st.PID, st.RSS, st.Swap = 0, 0, 0
	if e.Blocked != "" && moves[st.State][blocked].do != impossible {
		s.step(blocked, e.Blocked)
		return
	}
	st.LastExit = e.Text
	dying, why := st.State == Draining, e.Text
	if s.because == Hung {
		st.LastWords = s.cfg.LastWords()
	}
	switch st.State {
	case Starting, Up:
		s.unasked(e, starved)
		if s.because == Finished {
			why = "finished, " + why
		}
	case Closing, Stopping:
		why = "stopped, " + why
	}
	s.step(exited, why)
	if dying { // the first one that dies while it drains is followed at once
		st.Failures++
	}
}

// unasked books an exit that nobody wanted, before the state changes.
func (s *Supervisor) unasked(e Exit, starved bool) {
	st := &s.status
	lived := time.Since(st.Since)
	s.because, st.LastWords = Crashed, s.cfg.LastWords()
	if starved {
		s.because = OOM
	}
	switch {
	case st.State == Up && e.Clean:
		s.because, st.Failures = Finished, 0
	case st.State == Up && lived >= trusted:
		st.Failures = 1
	default:
		st.Failures++
	}
	switch {
	case s.because == Finished:
	case starved:
		s.event(Starved, e.Text)
	case st.Failures > 1:
		s.event(Loop, e.Text)
	default:
		s.event(Crash, e.Text)
	}
}

// sample weighs the backend; nobody weighs nothing.
func (s *Supervisor) sample() (w Weight) {
	if s.now.backend == nil {
		return w
	}
	s.pids = s.now.backend.Pids(s.pids[:0])
	st := &s.status
	w = s.cfg.Weigh(s.pids, time.Since(st.Started))
	st.Samples++
	if w == (Weight{}) { // it is dying: its last size is what is of interest
		return w
	}
	st.RSS, st.Peak, st.Swap, st.Fits = w.RSS, max(w.RSS, st.Peak), w.Swap, w.Fits
	return w
}

func (s *Supervisor) complain(err error) {
	if err != nil {
		s.cfg.Log("%v", err)
	}
}

// dismiss ends a shim that is not needed.
func (s *Supervisor) dismiss(shim Backend) {
	s.complain(shim.Kill())
	s.loose.Go(func() {
		<-shim.Exited()
		shim.Close()
	})
}
