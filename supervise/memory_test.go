package supervise

import (
	"strings"
	"testing"
	"time"
)

func TestMemorySoft(t *testing.T) {
	scene(t, func(p *play) {
		p.work = 10 * time.Second
		p.upWith(behaviour{})
		p.weight = Weight{RSS: 100, Soft: true}
		p.connect(1)
		p.pass(1500 * time.Millisecond) // over at the first sample
		if st := p.status(); !st.Preparing || st.RSS != 100 || st.Peak != 100 || st.Samples == 0 {
			t.Errorf("status %+v", st)
		}
		p.did("")
		p.pass(3 * time.Second)
		p.is(Draining)
		p.weight = Weight{RSS: 30}
		p.pass(10 * time.Second)
		p.is(Up)
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, go 2")
		if st := p.status(); p.served != 1 || st.Last.Reason != Memory || st.RSS != 30 || st.Peak != 30 {
			t.Errorf("served %d, status %+v", p.served, st)
		}
	})
}

// Over the hard limit there is neither check nor patience, and little drain.
func TestMemoryHard(t *testing.T) {
	scene(t, func(p *play) {
		p.checking, p.work = time.Hour, time.Hour
		p.upWith(behaviour{})
		p.connect(1)
		p.weight = Weight{RSS: 200, Hard: true}
		p.pass(time.Second)
		p.is(Draining)
		p.weight = Weight{}
		p.pass(p.config().HardDrain)
		p.is(Up)
		if st := p.status(); st.Last.Reason != Memory || st.Restarts != 1 {
			t.Errorf("status %+v", st)
		}
	})
}

// A backend that leaks on and does not hear the stop signal has no time left.
func TestMemoryHardAndDeaf(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{stubborn: true})
		p.weight = Weight{Hard: true}
		p.pass(time.Second)
		p.is(Restarting)
		p.weight = Weight{}
		p.pass(p.config().HardDrain)
		p.is(Up)
		p.usual.stubborn = true
		p.restart(Options{}).ok() // that one has stop.timeout again
		p.restart(Options{Now: true}).waits()
		p.pass(p.config().StopTimeout - time.Second)
		p.is(Restarting)
		p.pass(time.Second)
		p.is(Up)
	})
}

// A backend that passes the hard limit while it drains, or exits, is not waited
// for any longer.
func TestMemoryHardOnTheWayOut(t *testing.T) {
	scene(t, func(p *play) {
		p.work = time.Hour
		p.upWith(behaviour{stubborn: true})
		p.connect(1)
		c := p.restart(Options{})
		p.pass(5 * time.Second) // patience
		p.is(Draining)
		p.weight = Weight{Hard: true}
		p.pass(time.Second + p.config().HardDrain)
		p.is(Restarting)
		p.pass(p.config().HardDrain)
		p.weight = Weight{}
		p.pass(time.Second)
		p.is(Up)
		c.ok()
		p.usual.stubborn = true
		p.restart(Options{Now: true}).ok()
		c = p.stop(Options{Now: true})
		p.pass(time.Second)
		p.is(Stopping)
		p.weight = Weight{Hard: true}
		p.pass(time.Second + p.config().HardDrain)
		p.is(Down)
		c.ok()
	})
}

func TestMemoryHoldsOffAfterAFailedCheck(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		p.fail["check"] = true
		p.weight = Weight{Soft: true}
		p.pass(1500 * time.Millisecond)
		p.repair()
		p.pass(59 * time.Second)
		p.did("")
		p.weight = Weight{}
		p.restart(Options{}).ok() // an operator need not wait
		p.weight = Weight{Soft: true}
		p.pass(2 * time.Second)
		p.is(Up)
		if st := p.status(); st.Restarts < 2 || st.Last.Reason != Memory {
			t.Errorf("status %+v", st)
		}
	})
}

// Neither a starting nor a leaving backend is restarted for its memory.
func TestMemoryOnlyWhenUp(t *testing.T) {
	scene(t, func(p *play) {
		p.weight = Weight{Hard: true}
		p.usual.ready = 5 * time.Second
		p.boot()
		p.pass(4 * time.Second)
		p.did("spawn 1")
		p.weight = Weight{}
		c := p.stop(Options{Now: true})
		c.ok()
		p.weight = Weight{Hard: true}
		p.pass(time.Minute)
		p.is(Down)
		if st := p.status(); st.RSS != 0 || st.Samples != c.status.Samples {
			t.Errorf("status %+v", st)
		}
	})
}

// The hard limit does not wait for the quiet moment of the soft one.
func TestMemoryHardOvertakesSoft(t *testing.T) {
	scene(t, func(p *play) {
		p.checking, p.work = time.Hour, time.Hour
		p.upWith(behaviour{})
		p.connect(1)
		p.weight = Weight{Soft: true}
		p.pass(1500 * time.Millisecond)
		p.did("")
		p.weight = Weight{Soft: true, Hard: true}
		p.pass(time.Second)
		p.weight = Weight{}
		p.pass(p.config().HardDrain)
		p.is(Up)
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, go 2")
	})
}

// What a failing check puts off is shown, until it is done or not due any more;
// the hard limit asks for no check.
func TestMemoryPostponed(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		p.fail["check"] = true
		p.weight = Weight{Soft: true}
		p.pass(1500 * time.Millisecond)
		if st := p.status(); !strings.Contains(st.Postponed, "cannot check") {
			t.Errorf("%+v", st)
		}
		p.weight = Weight{}
		p.pass(61 * time.Second)
		if st := p.status(); st.Postponed != "" {
			t.Errorf("%+v", st)
		}
		p.weight = Weight{Soft: true}
		p.pass(61 * time.Second)
		p.weight = Weight{Soft: true, Hard: true}
		p.pass(time.Second)
		p.weight = Weight{}
		p.pass(time.Second)
		p.is(Up)
		if st := p.status(); st.Restarts != 1 || st.Postponed != "" {
			t.Errorf("%+v", st)
		}
	})
}

// What fails again and again for the same reason is one piece of news.
func TestMemoryPostponedIsToldOnce(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		p.fail["check"] = true
		p.weight = Weight{RSS: 1 << 20, Soft: true}
		p.pass(time.Hour)
		p.heard("start: started, memory: soft limit passed, with 1.0 MiB, check failed: cannot check: injected failure")
	})
}

// Where there is no memory left for a shim, the hard limit does without the
// next generation: better one socket than a host that swaps.
func TestMemoryHardWithoutNextSocket(t *testing.T) {
	for _, what := range []string{"bind", "hold", "publish"} {
		scene(t, func(p *play) {
			p.upWith(behaviour{})
			p.fail[what] = true
			p.connect(1)
			p.weight = Weight{Hard: true}
			p.pass(time.Second)
			p.weight = Weight{}
			p.repair()
			p.pass(time.Second)
			p.is(Up)
			if st := p.status(); st.Restarts != 1 || st.Generation != 1 || p.served != 1 {
				t.Errorf("%s fails: %d served, %+v", what, p.served, st)
			}
		})
	}
}

// A quiet moment is waited for as long as memory.patience says, not drain.patience.
func TestMemoryPatience(t *testing.T) {
	scene(t, func(p *play) {
		p.work = time.Hour
		c := p.config()
		c.SoftPatience = 20 * time.Second
		p.start(c)
		p.pass(time.Second)
		p.connect(1)
		p.weight = Weight{Soft: true}
		p.pass(19 * time.Second)
		p.is(Up)
		p.pass(3 * time.Second)
		p.is(Draining)
	})
}
