package supervise

import (
	"testing"
	"testing/synctest"
	"time"
)

// drainWithQueue boots a backend that accepts nothing, lets n connections wait
// at it and asks for a restart, so that it drains.
func (p *play) drainWithQueue(n int, rest ...behaviour) *call {
	p.t.Helper()
	p.upWith(behaviour{deaf: true}, rest...)
	p.connect(n)
	c := p.restart(Options{})
	p.is(Draining)
	p.did("bind 2, hold 2, publish 2")
	return c
}

// A crash while draining leaves a queue at the old generation: the next
// backend serves it, and then hands over to one at the new generation.
func TestCrashWhileDraining(t *testing.T) {
	scene(t, func(p *play) {
		p.work = time.Second
		p.usual.ready = time.Second
		c := p.drainWithQueue(3)
		p.connect(2) // at the new generation
		p.crash()
		p.did("exit 1, spawn 1")
		p.is(Starting)
		p.pass(time.Second)
		p.is(Draining)
		c.waits()
		p.pass(time.Second)
		p.is(Starting)
		c.waits()
		p.did("terminate 1, exit 1, close 1, go 2")
		p.pass(2 * time.Second)
		c.ok()
		if st := p.status(); p.served != 5 || st.Restarts != 1 || st.Last.Reason != Operator {
			t.Errorf("served %d, status %+v", p.served, st)
		}
	})
}

// Who only waited at the old generation is not cut off there, however short the
// time is that a drain leaves to a request; who is never accepted is.
func TestQueueOutlastsTheDrain(t *testing.T) {
	for limit, work := range map[time.Duration]time.Duration{0: time.Second, 300 * time.Millisecond: 9 * time.Second} {
		scene(t, func(p *play) {
			p.usual.single = true
			cfg := p.config()
			cfg.DrainTimeout = limit
			p.start(cfg)
			p.pass(time.Second)
			p.work = work
			p.connect(6)
			p.restart(Options{}).waits()
			p.pass(2 * time.Minute)
			p.is(Up)
			if st := p.status(); p.served != 5 || st.Restarts != 1 || st.Generation != 2 {
				t.Errorf("with %s: served %d, %+v", limit, p.served, st)
			}
		})
	}
	scene(t, func(p *play) {
		p.work = time.Hour
		c := p.drainWithQueue(3, behaviour{single: true})
		p.crash()
		p.pass(2 * time.Minute)
		c.ok()
	})
}

// A crash loop at the old generation answers the caller, backs off, and goes
// over to the new generation in the end.
func TestCrashLoopAtTheOldGeneration(t *testing.T) {
	scene(t, func(p *play) {
		crash := behaviour{ready: time.Second, dies: time.Millisecond}
		c := p.drainWithQueue(3, crash, crash)
		p.crash()
		p.pass(time.Millisecond)
		p.is(Backoff)
		c.fails("failed")
		p.pass(time.Second)
		p.is(Up)
		p.did("exit 1, spawn 1, exit 1, spawn 1, exit 1, spawn 1, terminate 1, exit 1, close 1, go 2")
		if p.served != 3 {
			t.Errorf("served %d", p.served)
		}
	})
}

func TestDrainTimeoutKeepsTheQueue(t *testing.T) {
	scene(t, func(p *play) {
		c := p.drainWithQueue(3)
		p.pass(30 * time.Second)
		p.pass(time.Second)
		c.ok()
		if p.served != 3 {
			t.Errorf("served %d", p.served)
		}
		p.did("terminate 1, exit 1, spawn 1, terminate 1, exit 1, close 1, go 2")
	})
}

func TestStopKeepsTheQueue(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{deaf: true})
		p.connect(3)
		c := p.stop(Options{Now: true})
		c.ok()
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, kill 2, exit 2")
		p.connect(2)
		p.pass(time.Minute)
		p.is(Down)
		p.up()
		p.pass(time.Second)
		p.is(Up)
		p.did("spawn 1, hold 2, terminate 1, exit 1, close 1, go 2")
		if p.served != 5 {
			t.Errorf("served %d", p.served)
		}
	})
}

// Without an answer of the kernel nothing would ever go over to the next
// generation, so silence counts as an empty queue.
func TestQueueCannotBeTold(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		p.fail["queue"] = true
		p.restart(Options{}).ok()
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, go 2")
	})
}

// The next generation is there already, and one is enough.
func TestRestartWhileServingTheOldQueue(t *testing.T) {
	scene(t, func(p *play) {
		first := p.drainWithQueue(3, behaviour{ready: time.Second})
		p.crash()
		p.is(Starting)
		second := p.restart(Options{})
		p.is(Draining)
		p.pass(2 * time.Second)
		first.ok()
		second.ok()
		p.did("exit 1, spawn 1, terminate 1, exit 1, spawn 1, terminate 1, exit 1, close 1, go 2")
	})
}

// A backend that gets ready, is told to drain because the new generation
// waits, and crashes, every time, backs off like any other.
func TestCrashWhileHandingOverBacksOff(t *testing.T) {
	scene(t, func(p *play) {
		p.usual = behaviour{deaf: true, dies: time.Millisecond}
		p.drainWithQueue(1)
		p.crash()
		p.pass(10 * time.Second)
		p.do(func() { p.usual = behaviour{} })
		if n := len(p.backends); n > 50 {
			t.Errorf("%d backends in ten seconds", n)
		}
		p.pass(time.Minute)
		if p.served != 1 {
			t.Errorf("served %d", p.served)
		}
	})
}

func TestRivalWhileDraining(t *testing.T) {
	scene(t, func(p *play) {
		c := p.drainWithQueue(1, behaviour{rival: "pid 7"})
		p.crash()
		p.is(Blocked)
		c.fails("pid 7")
		p.pass(2 * time.Second)
		p.is(Up)
		if p.served != 1 || p.status().Generation != 2 {
			t.Errorf("served %d, status %+v", p.served, p.status())
		}
	})
}

// The shim looks for rivals when it is given the word.
func TestHeldShimFindsARival(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{}, behaviour{rival: "pid 7"})
		p.restart(Options{}).fails("pid 7")
		p.is(Blocked)
		p.connect(1)
		p.pass(time.Second)
		p.is(Up)
		synctest.Wait()
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, go 2, exit 2, spawn 2")
	})
}

// A rival that is found late, after Ready took the shim for the backend (a
// settle time can pass before the shim has looked), must not leave a state
// without a process that waits for nothing.
func TestRivalFoundLate(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		p.do(func() { p.running().end(Exit{Text: "a rival runs", Blocked: "pid 7"}) })
		p.pass(time.Minute)
		p.is(Up)
		if st := p.status(); st.PID == 0 {
			t.Errorf("nothing runs in %+v", st)
		}
	})
}
