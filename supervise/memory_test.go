package supervise

import (
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
		p.pass(hardDrain)
		p.is(Up)
		if st := p.status(); st.Last.Reason != Memory || st.Restarts != 1 {
			t.Errorf("status %+v", st)
		}
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
		p.pass(hardDrain)
		p.is(Up)
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, go 2")
	})
}
