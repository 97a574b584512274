package supervise

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// up boots, waits until the backend is up and forgets how it came there.
func (p *play) upWith(first behaviour, rest ...behaviour) {
	p.t.Helper()
	p.coming = append([]behaviour{first}, rest...)
	p.boot()
	p.is(Up)
	p.did("spawn 1")
}

func TestRestartDrains(t *testing.T) {
	scene(t, func(p *play) {
		p.work = 10 * time.Second
		p.upWith(behaviour{slow: time.Second})
		p.connect(2)
		c := p.restart(Options{})
		p.did("")
		p.pass(3 * time.Second) // the patience
		p.is(Draining)
		p.connect(5)
		p.did("bind 2, hold 2, publish 2")
		if st := p.status(); st.Next != 2 || st.NextPID != 102 || st.Queue != (Queue{5, 2, 4096, false}) {
			t.Errorf("while draining %+v", st)
		}
		c.waits()
		p.pass(7 * time.Second)
		p.is(Restarting)
		p.did("terminate 1")
		p.pass(time.Second)
		p.is(Up)
		p.did("exit 1, close 1, go 2")
		c.ok()
		p.pass(10 * time.Second)
		st := p.status()
		if p.served != 7 || st.Cut != 0 || st.Restarts != 1 || st.Last.Reason != Operator || st.Generation != 2 || st.Next != 0 {
			t.Errorf("served %d, %+v", p.served, st)
		}
	})
}

func TestRestartWaitsForAQuietMoment(t *testing.T) {
	scene(t, func(p *play) {
		p.work = 2 * time.Second
		p.upWith(behaviour{})
		p.connect(1)
		c := p.restart(Options{})
		if st := p.status(); st.State != Up || !st.Preparing {
			t.Errorf("status %+v", st)
		}
		p.pass(2 * time.Second)
		c.ok()
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, go 2")
	})
}

func TestCallersJoinOneRestart(t *testing.T) {
	scene(t, func(p *play) {
		p.work = 10 * time.Second
		p.usual.ready = time.Second
		p.upWith(behaviour{slow: time.Second})
		p.connect(1)
		calls := []*call{p.restart(Options{}), p.restart(Options{})}
		p.pass(5 * time.Second)
		p.is(Draining)
		calls = append(calls, p.restart(Options{}), p.up())
		p.pass(5 * time.Second)
		p.is(Restarting)
		calls = append(calls, p.restart(Options{}))
		for _, c := range calls {
			c.waits()
		}
		p.pass(2 * time.Second)
		for _, c := range calls {
			c.ok()
		}
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, go 2")
	})
}

// The backend that is starting may have been spawned before what the restart
// is for.
func TestRestartWhileStarting(t *testing.T) {
	scene(t, func(p *play) {
		p.usual.ready = time.Second
		p.boot()
		first, second := p.up(), p.restart(Options{})
		p.is(Starting)
		p.did("spawn 1, terminate 1, exit 1, spawn 1")
		first.waits()
		p.pass(time.Second)
		p.is(Up)
		first.ok()
		second.ok()
	})
}

func TestRestartNow(t *testing.T) {
	scene(t, func(p *play) {
		p.work = time.Hour
		p.upWith(behaviour{})
		p.connect(1)
		p.restart(Options{Now: true}).ok()
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, go 2")
	})
}

func TestNowOvertakes(t *testing.T) {
	for _, when := range []time.Duration{time.Second, 10 * time.Second} { // preparing, draining
		scene(t, func(p *play) {
			p.work = time.Hour
			p.upWith(behaviour{})
			p.connect(1)
			first := p.restart(Options{})
			p.pass(when)
			first.waits()
			p.restart(Options{Now: true}).ok()
			first.ok()
			p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, go 2")
		})
	}
}

func TestHurry(t *testing.T) {
	scene(t, func(p *play) {
		p.work = time.Hour
		p.upWith(behaviour{})
		p.connect(1)
		c := p.restart(Options{})
		p.pass(5 * time.Second)
		p.is(Draining)
		if err := p.s.Hurry(context.Background()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		c.ok()
	})
}

func TestStubbornIsKilled(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{stubborn: true})
		c := p.restart(Options{})
		p.pass(5*time.Second - 1)
		p.is(Restarting)
		p.did("bind 2, hold 2, publish 2, terminate 1")
		p.pass(1)
		c.ok()
		p.did("kill 1, exit 1, close 1, go 2")
	})
}

func TestKillIsRepeated(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{stubborn: true})
		p.fail["kill"] = true
		c := p.restart(Options{})
		p.pass(7 * time.Second)
		p.is(Restarting)
		p.repair()
		p.pass(3 * time.Second)
		c.ok()
	})
}

func TestDrainCutsAtItsTimeout(t *testing.T) {
	scene(t, func(p *play) {
		p.work = time.Hour
		p.upWith(behaviour{})
		p.connect(4)
		c := p.restart(Options{})
		p.pass(33*time.Second - 1)
		p.is(Draining)
		p.pass(1)
		c.ok()
		if c.status.Cut != 4 {
			t.Errorf("%d connections cut, want 4", c.status.Cut)
		}
		p.restart(Options{}).ok()
		if st := p.status(); st.Cut != 0 {
			t.Errorf("a later restart still tells of %d cut connections", st.Cut)
		}
	})
}

// Nobody can tell who is left, so the drain lasts its full time.
func TestDrainCannotBeTold(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		p.fail["drained"], p.fail["quiet"] = true, true
		c := p.restart(Options{})
		p.is(Draining)
		p.pass(30*time.Second - 1)
		p.is(Draining)
		p.pass(1)
		c.ok()
	})
}
