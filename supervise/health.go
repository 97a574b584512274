package supervise

import (
	"context"
	"errors"
	"math/bits"
	"time"
)

// ErrBusy is the outcome of a probe that says nothing: the backend had other
// requests, and a probe that waits behind them would lie.
var ErrBusy = errors.New("the backend is busy")

// A probe is one health request under way.
type probe struct {
	done chan error
	stop func()
}

func (p *probe) result() <-chan error {
	if p == nil {
		return nil
	}
	return p.done
}

// endProbe gives a probe up, and returns when nothing of it is left.
func (s *Supervisor) endProbe() {
	if s.probing != nil {
		s.probing.stop()
		s.probing = nil
	}
}

// outcomes are those of the latest probes, the latest in the lowest bit; 1 is a
// failure.
type outcomes struct {
	bits uint64
	next time.Time // when the next one is due
}

// tick is what a sample is good for.
func (s *Supervisor) tick() {
	s.weigh(s.sample())
	if q, err := s.published().Queue(); err == nil { // whoever asks for the status is told of an error
		s.status.HighWater = max(s.status.HighWater, q.Pending)
	}
	s.mend()
	s.excuse()
	if s.status.State == Down {
		s.rest() // the queue of the former generation may be empty by now
	}
	if s.status.State != Up || s.preparing != nil {
		return
	}
	if s.cfg.Stuck != nil && s.cfg.Stuck(s.now.socket, s.pids) {
		s.step(hung, "it does nothing, and requests wait")
		return
	}
	s.probe()
}

// probe begins a health request when one is due.
func (s *Supervisor) probe() {
	if s.cfg.ProbeEvery <= 0 || s.probing != nil || time.Now().Before(s.health.next) {
		return
	}
	s.health.next = time.Now().Add(s.cfg.ProbeEvery)
	ctx, cancel := context.WithCancel(context.Background())
	over, now := make(chan struct{}), s.now
	p := &probe{done: make(chan error, 1), stop: func() {
		cancel()
		<-over // the socket may be closed next
	}}
	s.probing = p
	go func() {
		defer close(over)
		defer cancel()
		p.done <- s.cfg.Probe(ctx, now.socket, now.backend)
	}()
}

// probed judges the backend by its latest answers.
func (s *Supervisor) probed(err error) {
	s.probing = nil
	switch {
	case errors.Is(err, ErrBusy):
		return
	case err == nil:
		s.status.Health = ""
		s.health.bits <<= 1
		return
	}
	if s.status.Health == "" {
		s.cfg.Log("a probe failed: %v", err)
	}
	s.status.Health = err.Error()
	s.health.bits = s.health.bits<<1 | 1
	if bits.OnesCount64(s.health.bits<<(64-s.cfg.FailingOf)) < s.cfg.Failing || s.status.State != Up || s.preparing != nil {
		return
	}
	s.plan(restart, Unhealthy, Options{NoCheck: true})
}
