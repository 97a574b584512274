package supervise

import (
	"context"
	"fmt"
	"time"
)

// A preparation is what goes before a planned restart or stop while the
// backend still serves: the check, and the wait for a quiet moment.
type preparation struct {
	ev     event
	reason Reason
	opts   Options
	cancel func()
	done   chan error
}

// result is nil, and so never ready, where nothing is being prepared.
func (p *preparation) result() <-chan error {
	if p == nil {
		return nil
	}
	return p.done
}

// plan begins a restart or a stop, or joins the one under way.
func (s *Supervisor) plan(ev event, why Reason, o Options) {
	st := s.status.State
	switch {
	case st != Up && st != Starting: // nothing to prepare: no backend, or it is on its way out
		if o.Now {
			s.hurry()
		}
		s.step(ev, string(why))
		s.settle(s.status.State)
	case s.preparing.includes(ev, o): // the caller joins it
	default:
		s.abandon()
		s.prepare(&preparation{ev: ev, reason: why, opts: o})
	}
}

// includes says whether a further request adds nothing.
func (p *preparation) includes(ev event, o Options) bool {
	return p != nil && p.ev == ev && (p.opts.Now || !o.Now) && (p.opts.NoCheck || !o.NoCheck)
}

func (s *Supervisor) abandon() {
	if s.preparing != nil {
		s.preparing.cancel()
		s.preparing = nil
	}
}

// prepare runs the check and waits for quiet beside the loop. A stop does
// neither: what comes meanwhile waits for the next start anyway.
func (s *Supervisor) prepare(p *preparation) {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	p.done, p.cancel = make(chan error, 1), func() {
		cancel()
		<-over // the socket may be closed next
	}
	s.preparing = p
	var checked <-chan error
	if s.cfg.Check != nil && p.ev == restart && !p.opts.NoCheck {
		checked = s.cfg.Check(ctx)
	}
	patience, sock := s.cfg.Patience, s.now.socket
	if p.reason == Memory {
		patience = s.cfg.SoftPatience
	}
	if p.opts.Now || p.ev == stop || s.status.State == Starting {
		patience = 0
	}
	if checked == nil && patience == 0 {
		close(over)
		s.prepared(nil)
		return
	}
	go func() {
		defer close(over)
		if err := passed(ctx, checked); err != nil {
			p.done <- err
			return
		}
		if err := s.cfg.Quiet(ctx, sock, patience); err != nil && ctx.Err() == nil {
			s.cfg.Log("cannot wait for a quiet moment: %v", err)
		}
		p.done <- nil
	}()
}

// prepared publishes the next generation, if all is well, and makes the move.
// Until here nothing has changed for anybody.
func (s *Supervisor) prepared(err error) {
	p := s.preparing
	p.cancel()
	s.preparing = nil
	idle, hard := err == nil && s.idle(), p.opts.Now && p.reason == Memory
	kind := Refused
	if err == nil && !idle {
		kind, err = Failed, s.retire()
	}
	switch {
	case err != nil && p.ev == stop: // a stop needs no next generation, it is only better with one
		s.cfg.Log("stopping without a next socket: %v", err)
	case err != nil && hard: // there may be no memory left for a shim
		s.cfg.Log("restarting without a next socket: %v", err)
	case err != nil:
		s.giveUp(p, kind, err)
		return
	}
	s.pressed = hard
	s.limit, s.hasty = s.cfg.DrainTimeout, p.opts.Now || idle || s.cfg.Fixed
	switch {
	case hard:
		s.limit = s.cfg.HardDrain
	case s.hasty:
		s.limit = 0
	}
	if p.ev == restart {
		s.because = p.reason
	}
	s.status.Cut, s.status.Failures = 0, 0
	s.step(p.ev, string(p.reason))
}

// giveUp leaves everything as it was, and a restart for memory alone for a
// minute.
func (s *Supervisor) giveUp(p *preparation, kind Kind, err error) {
	s.holdOff = time.Now().Add(time.Minute)
	s.cfg.Log("%s for %s given up, nothing was touched: %v", p.ev, p.reason, err)
	if p.reason != Memory || s.status.Postponed != err.Error() {
		s.event(kind, err.Error())
	}
	if p.reason == Memory {
		s.status.Postponed = err.Error()
	}
	s.tell(err, p.ev)
	s.settle(s.status.State) // start-backend has what it wants
}

// idle says that the backend has nothing to finish: it has accepted nothing
// yet. From then on it stands still, so that this stays true until it is told to
// exit. Who waits at its socket waits for the next backend there, and must not
// be drained: a backend that never gets ready would never accept them.
func (s *Supervisor) idle() bool {
	if s.status.State != Starting || s.cfg.Settles || s.status.Adopted || !s.acceptedNothing() {
		return false
	}
	if err := s.now.backend.Pause(); err != nil {
		s.cfg.Log("%v", err)
	} else if s.acceptedNothing() {
		s.paused = true
		return true
	}
	s.now.backend.Resume()
	return false
}

func (s *Supervisor) acceptedNothing() bool {
	q, err := s.now.socket.Queue()
	return err == nil && q.Active == 0
}

// wake lets a backend hear what it was told while it stood still.
func (s *Supervisor) wake() {
	if s.paused && s.now.backend != nil {
		s.now.backend.Resume()
	}
	s.paused = false
}

// retire publishes the next generation, held by a shim of its own: were
// keepone killed now, who waits there would still not be refused. After an
// error nothing has changed.
func (s *Supervisor) retire() error {
	if s.next.socket != nil || s.cfg.Fixed {
		return nil
	}
	sock, err := s.cfg.Bind(s.now.socket.Generation() + 1)
	if err != nil {
		return err
	}
	shim, err := s.cfg.Spawn(sock, true)
	if err != nil {
		sock.Close()
		return fmt.Errorf("cannot hold the next socket: %w", err)
	}
	s.next = generation{sock, shim}
	s.publish() // recorded before it can be needed: keepone may be killed now
	if err := sock.Publish(); err != nil {
		s.next = generation{}
		s.dismiss(shim)
		sock.Close()
		return err
	}
	return nil
}

// hold makes sure that somebody else than keepone holds the next generation
// while the old one drains.
func (s *Supervisor) hold() {
	if s.next.socket == nil || s.next.backend != nil {
		return
	}
	shim, err := s.cfg.Spawn(s.next.socket, true)
	if err != nil {
		s.cfg.Log("nobody holds generation %d but keepone: %v", s.next.socket.Generation(), err)
		return
	}
	s.next.backend = shim
}

// passed waits for the check; nil stands for none.
func passed(ctx context.Context, checked <-chan error) error {
	if checked == nil {
		return nil
	}
	select {
	case err := <-checked:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
