package supervise

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// calm asks for a moment at which nothing is under way.
func (p *play) calm(f func() error) *call {
	return p.call(func(ctx context.Context) (Status, error) {
		return Status{}, p.s.WhenCalm(ctx, func(Status) error { return f() })
	})
}

// A restart is finished before the calm, and whoever asked for it was told.
func TestCalm(t *testing.T) {
	scene(t, func(p *play) {
		p.work = 5 * time.Second
		p.upWith(behaviour{})
		p.connect(1)
		restart := p.restart(Options{NoCheck: true})
		asked := p.calm(func() error {
			if st := p.s.status; st.State != Up || p.s.next.socket != nil || st.Restarts != 1 {
				t.Errorf("called in %+v", st)
			}
			return errInjected
		})
		asked.waits()
		p.pass(20 * time.Second)
		restart.ok()
		asked.fails(errInjected.Error())
		p.is(Up) // and it goes on
	})
}

// In states that may last for ever there is no waiting for another.
func TestCalmAtOnce(t *testing.T) {
	for from, arrange := range map[State]func(*play){
		Down:    func(p *play) { p.boot(); p.stop(Options{}) },
		Blocked: func(p *play) { p.usual.rival = "pid 7"; p.boot() },
		Up:      func(p *play) { p.boot() },
		Backoff: func(p *play) { p.usual.dies = time.Millisecond; p.boot(); p.pass(20 * time.Second) },
	} {
		scene(t, func(p *play) {
			arrange(p)
			for p.status().State != from {
				p.pass(time.Millisecond)
			}
			p.calm(func() error { return nil }).ok()
		})
	}
}

// Whoever asks while keepone leaves is told that.
func TestCalmWhenLeaving(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{stubborn: true})
		p.connect(1)
		p.stop(Options{})
		asked := p.calm(func() error { t.Error("called while leaving"); return nil })
		asked.waits()
		p.leave()
		synctest.Wait()
		if !errors.Is(asked.err, ErrLeaving) {
			t.Errorf("answered %v", asked.err)
		}
	})
}

// Where an init system keeps the socket, whoever comes while keepone leaves
// waits at the next generation, and the path stays.
func TestLeaveWhereTheSocketStays(t *testing.T) {
	scene(t, func(p *play) {
		p.stays, p.work = true, time.Second
		cfg := p.config()
		cfg.Stays = true
		p.start(cfg)
		p.pass(time.Second)
		p.connect(1)
		p.leave()
		p.did("spawn 1, bind 2, hold 2, publish 2, terminate 1, exit 1, kill 2, exit 2, close 1, close 2")
		if p.served != 1 || p.published == nil {
			t.Errorf("%d served", p.served)
		}
	})
}

// A socket that is not ours to rename has no next generation: the stop signal
// comes at once, and whoever waits stays where he is.
func TestFixedSocket(t *testing.T) {
	scene(t, func(p *play) {
		p.stays = true
		cfg := p.config()
		cfg.Stays, cfg.Fixed = true, true
		p.start(cfg)
		p.pass(time.Second)
		p.connect(1)
		p.restart(Options{NoCheck: true}).waits() // for the quiet moment
		p.pass(time.Second)
		p.did("spawn 1, terminate 1, exit 1, spawn 1")
		p.is(Up)
		p.connect(1)
		p.pass(time.Second)
		if p.served != 2 {
			t.Errorf("%d served", p.served)
		}
	})
}

// What is altered is in force from then on.
func TestReconfigure(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{stubborn: true})
		err := p.s.Reconfigure(context.Background(), func(c *Config) { c.StopTimeout = time.Hour })
		if err != nil {
			t.Fatal(err)
		}
		p.restart(Options{NoCheck: true})
		p.pass(59 * time.Minute)
		p.is(Restarting)
		p.pass(time.Hour)
		p.is(Up)
	})
}
