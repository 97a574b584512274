package supervise

import (
	"testing"
	"time"
)

// A backend that hangs is made to say where, and followed on the same socket:
// whoever waits there is served.
func TestHung(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{deaf: true, slow: 100 * time.Millisecond})
		p.connect(3)
		p.hangs = true
		p.pass(time.Second)
		p.hangs = false
		p.pass(5 * time.Second)
		p.did("terminate 1, exit 1, spawn 1")
		if st := p.status(); p.served != 3 || st.Last.Reason != Hung || st.LastWords == "" || st.State != Up {
			t.Errorf("served %d, %+v", p.served, st)
		}
	})
}

// One that does not even hear the signal is killed.
func TestHungAndStubborn(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{deaf: true, stubborn: true})
		p.hangs = true
		p.pass(time.Second)
		p.hangs = false
		p.is(Restarting)
		p.pass(6 * time.Second)
		p.did("terminate 1, kill 1, exit 1, spawn 1")
	})
}

// Two of three probes have to fail; those in vain do not count.
func TestProbes(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		p.pass(500 * time.Millisecond) // a probe takes a while
		for range 4 {                  // failed, in vain, fine, failed: one of the latest three, then two
			p.sick = errInjected
			p.pass(5 * time.Second)
			p.sick = ErrBusy
			p.pass(5 * time.Second)
			p.sick = nil
			p.pass(5 * time.Second)
			p.pass(5 * time.Second)
		}
		p.is(Up)
		if st := p.status(); st.Restarts != 0 || st.Health != "" {
			t.Errorf("%+v", st)
		}
		p.sick = errInjected
		p.pass(5 * time.Second)
		if st := p.status(); st.Health == "" {
			t.Error("a failed probe is not told")
		}
		p.pass(5 * time.Second)
		p.sick = nil
		p.pass(5 * time.Second)
		if st := p.status(); st.Restarts != 1 || st.Last.Reason != Unhealthy || st.Health != "" || st.State != Up {
			t.Errorf("%+v", st)
		}
	})
}

// A probe under way ends with the backend, whatever ends that.
func TestProbeEndsWithItsBackend(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		p.pass(4*time.Second + 50*time.Millisecond)
		p.crash()
		p.pass(time.Minute)
		p.is(Up)
		p.pass(5*time.Second - 50*time.Millisecond)
		p.restart(Options{NoCheck: true})
		p.pass(time.Second)
		p.is(Up)
	})
}

// What broke at the public path is replaced at once, in whatever state.
func TestBroken(t *testing.T) {
	for from, arrange := range map[State]func(*play){
		Down:     func(p *play) { p.boot(); p.stop(Options{}); p.connect(2) },
		Blocked:  func(p *play) { p.usual.rival = "pid 7"; p.boot(); p.connect(2) },
		Starting: func(p *play) { p.usual.ready = time.Minute; p.boot(); p.connect(2) },
		Up:       func(p *play) { p.work = 5 * time.Second; p.boot(); p.connect(2) },
		Draining: func(p *play) {
			p.work = 5 * time.Second
			p.boot()
			p.connect(2)
			p.restart(Options{NoCheck: true})
			p.pass(4 * time.Second)
		},
		Closing: func(p *play) { p.work = 5 * time.Second; p.boot(); p.connect(2); p.stop(Options{}) },
		Backoff: func(p *play) { p.usual.dies = time.Millisecond; p.boot(); p.pass(20 * time.Second); p.connect(2) },
	} {
		t.Run(from.String(), func(t *testing.T) {
			scene(t, func(p *play) {
				arrange(p)
				for range 10000 {
					if p.status().State == from {
						break
					}
					p.pass(time.Millisecond)
				}
				p.is(from)
				p.do(func() { p.published.broken = true })
				p.pass(time.Second)
				if p.published.broken {
					t.Fatal("it is still at the path")
				}
				p.usual = behaviour{}
				p.up()
				p.connect(1)
				p.pass(2 * time.Minute)
				p.is(Up)
				if p.served != 3 {
					t.Errorf("served %d", p.served)
				}
			})
		})
	}
}

// Where it cannot be replaced, it is tried again and again, but not in a loop.
func TestBrokenForLong(t *testing.T) {
	scene(t, func(p *play) {
		trouble := make(chan struct{}, 1)
		cfg := p.config()
		cfg.Trouble = trouble
		p.start(cfg)
		p.pass(time.Second)
		p.did("spawn 1")
		p.fail["bind"] = true
		p.do(func() { p.published.broken = true })
		for range 100 {
			trouble <- struct{}{}
			p.pass(10 * time.Millisecond)
		}
		if n := len(p.log); n > 12 {
			t.Errorf("%d lines of log for one second", n)
		}
		p.repair()
		p.pass(2 * time.Second)
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, go 2")
	})
}

// Whoever waits for long is told so, and nobody takes him from a backend.
func TestExcuse(t *testing.T) {
	scene(t, func(p *play) {
		p.polite, p.usual.dies = true, time.Millisecond
		p.usual.ready = -1
		p.boot()
		p.connect(1)
		p.pass(14 * time.Second)
		if p.excuses != 0 {
			t.Fatal("too early")
		}
		for range 100 {
			if p.status().Excusing {
				break
			}
			p.pass(time.Second)
		}
		if p.excuses != 1 {
			t.Fatal("nobody answers")
		}
		p.usual = behaviour{}
		p.pass(time.Minute)
		p.is(Up)
		if p.excuses != 0 || p.status().Excusing {
			t.Error("somebody still answers in the backend's place")
		}
		p.stop(Options{})
		p.connect(1)
		p.pass(time.Second) // nobody is expected soon
		if !p.status().Excusing {
			t.Error("nobody answers after a stop")
		}
	})
}

// Who waits while the backend's place is lent is not sent away at once, for it
// will be back; nor by the next keepone.
func TestExcuseWhileLent(t *testing.T) {
	lent := func(p *play) {
		p.connect(1)
		p.pass(14 * time.Second)
		if p.status().Excusing {
			t.Error("too early")
		}
		p.pass(3 * time.Second)
		if !p.status().Excusing {
			t.Error("nobody answers")
		}
	}
	scene(t, func(p *play) {
		p.polite = true
		p.boot()
		p.pass(time.Second)
		p.stop(Options{Lent: true}).ok()
		lent(p)
		p.stop(Options{}).ok() // an operator's
		p.pass(time.Second)
		p.connect(1)
		p.pass(time.Second)
		if !p.status().Excusing {
			t.Error("nobody answers after a stop")
		}
	})
	scene(t, func(p *play) {
		p.polite = true
		p.prepare = func(s *Supervisor) { s.Resume(Legacy{Stopped: true, Lent: true}) }
		p.boot()
		lent(p)
	})
}

// A deadline that is seen long after it passed does not end what has come about
// meanwhile.
func TestOverslept(t *testing.T) {
	for range 50 { // the loop chooses at random among what has happened
		scene(t, func(p *play) {
			p.usual.ready = 5 * time.Second
			p.boot()
			p.calm(func() error { time.Sleep(time.Hour); return nil })
			p.pass(time.Hour + time.Millisecond)
			p.is(Up)
			p.did("spawn 1")
		})
	}
}
