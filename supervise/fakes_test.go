package supervise

// A fakeSocket counts connections; the world accepts them.
type fakeSocket struct {
	w               *world
	generation      int
	pending, active int
	users           int // who waits for something at it
	closed          bool
	broken          bool // nobody can connect any more
}

func (w *world) socket(generation int) *fakeSocket {
	s := &fakeSocket{w: w, generation: generation}
	w.sockets = append(w.sockets, s)
	return s
}

func (s *fakeSocket) Generation() int { return s.generation }

func (s *fakeSocket) Publish() (err error) {
	s.w.do(func() {
		if err = s.w.trip("publish"); err == nil {
			s.w.note("publish %d", s.generation)
			s.w.law(!s.w.leaving || s.w.stays, "generation %d was published while leaving", s.generation)
			s.w.published = s
		}
	})
	return err
}

func (s *fakeSocket) Withdraw() error {
	s.w.do(func() {
		s.w.note("withdraw %d", s.generation)
		s.w.law(s.w.leaving, "law 2: the path went before the end")
		s.w.law(s.w.published == s, "generation %d is withdrawn and is not at the path", s.generation)
		s.w.published = nil
	})
	return nil
}

func (s *fakeSocket) Queue() (q Queue, err error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if err := s.w.trip("queue"); err != nil {
		return Queue{}, err
	}
	return Queue{s.pending, s.active, 4096, false}, nil
}

func (s *fakeSocket) Close() error {
	s.w.do(func() {
		s.w.note("close %d", s.generation)
		s.w.law(!s.closed, "generation %d was closed twice", s.generation)
		s.w.law(s.w.leaving || s.pending == 0, "law 3: generation %d was closed, %d wait there", s.generation, s.pending)
		s.w.law(s.users == 0, "generation %d was closed in use", s.generation)
		s.closed = true
	})
	return nil
}

// A fakeBackend runs from Spawn, or from Go if it was held, until it is gone.
type fakeBackend struct {
	w      *world
	socket *fakeSocket
	pid    int
	exited chan Exit
	users  int // who waits for something of it
	behaviour

	later bool // it was held while another ran
	still bool // it was told to

	held, running, serving, told, gone, closed bool
}

// run makes it the backend.
func (b *fakeBackend) run() {
	w := b.w
	b.behaviour = w.usual
	if len(w.coming) > 0 {
		b.behaviour, w.coming = w.coming[0], w.coming[1:]
	}
	b.held, b.running = false, true
	if b.rival != "" {
		b.end(Exit{Text: "a rival runs", Blocked: b.rival})
		return
	}
	if b.ready >= 0 {
		w.after(b.ready, func() {
			b.serving = b.running && !b.told
			w.accept()
		})
	}
	if b.dies > 0 {
		w.after(b.dies, func() { b.die(Exit{Text: "killed by SIGSEGV"}) })
	}
	if b.exits > 0 {
		w.after(b.exits, func() { b.die(Exit{Text: "exit status 0", Clean: true}) })
	}
}

// die ends the process; its descendants may linger.
func (b *fakeBackend) die(e Exit) {
	b.serving, b.told = false, true
	if b.lingers > 0 {
		b.w.after(b.lingers, func() { b.end(e) })
		return
	}
	b.end(e)
}

// end is the end of the whole tree.
func (b *fakeBackend) end(e Exit) {
	if b.gone {
		return
	}
	b.w.note("exit %d", b.socket.generation)
	if b.running {
		b.socket.active = 0
	}
	b.gone, b.running, b.held, b.serving = true, false, false, false
	b.exited <- e
}

func (b *fakeBackend) PID() int             { return b.pid }
func (b *fakeBackend) Exited() <-chan Exit  { return b.exited }
func (b *fakeBackend) Pids(buf []int) []int { return append(buf, b.pid) }

func (b *fakeBackend) Go() (err error) {
	b.w.do(func() {
		if err = b.w.trip("go"); err != nil && b.later { // that shim is dead; a fresh one is not
			return
		}
		err = nil
		b.w.law(b.held || b.gone, "backend %d got the word twice", b.pid)
		if !b.gone {
			if b.later {
				b.w.note("go %d", b.socket.generation)
			}
			b.run()
		}
	})
	return err
}

func (b *fakeBackend) Terminate() error {
	b.w.do(func() {
		b.w.note("terminate %d", b.socket.generation)
		if b.stubborn || b.told {
			return
		}
		if b.serving, b.told = false, true; b.slow > 0 {
			b.w.after(b.slow, func() { b.die(Exit{Text: "killed by SIGTERM"}) })
			return
		}
		b.die(Exit{Text: "killed by SIGTERM"})
	})
	return nil
}

// Pause is told by the world: who stands still accepts nothing.
func (b *fakeBackend) Pause() error { b.w.do(func() { b.still = true }); return nil }
func (b *fakeBackend) Resume()      { b.w.do(func() { b.still = false; b.w.accept() }) }

func (b *fakeBackend) Abort() error { return b.Terminate() }

// Kill can fail for what runs; a shim that cannot be killed would keep Run for
// ever, and there is nothing to be done about it.
func (b *fakeBackend) Kill() (err error) {
	b.w.do(func() {
		if err = b.w.trip("kill"); err != nil && b.running {
			return
		}
		err = nil
		b.w.note("kill %d", b.socket.generation)
		b.die(Exit{Text: "killed by SIGKILL"})
	})
	return err
}

func (b *fakeBackend) Close() {
	b.w.do(func() {
		b.w.law(b.gone && len(b.exited) == 0 && !b.closed, "backend %d was closed at the wrong time", b.pid)
		b.w.law(b.users == 0, "backend %d was closed in use", b.pid)
		b.closed = true
	})
}
