package supervise

import (
	"strings"
	"testing"
	"time"
)

// legacy makes a world in which a former keepone's backend lives, and starts the next keepone.
func (p *play) adopt(l Legacy, b behaviour) {
	p.usual = b
	shim, err := p.spawn(p.sockets[0], false)
	if err == nil {
		err = shim.Go()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	l.Backend, l.Started = shim, time.Now()
	p.prepare = func(s *Supervisor) { s.Resume(l) }
	p.boot()
}

// A backend that was up is up: it may be busy, or have said so once and for all.
func TestAdoptedWasUp(t *testing.T) {
	scene(t, func(p *play) {
		p.adopt(Legacy{WasUp: true, Restarts: 3, Peak: 7}, behaviour{ready: -1})
		p.is(Up)
		p.pass(time.Hour)
		p.is(Up)
		if st := p.status(); !st.Adopted || st.Restarts != 3 || st.Peak != 7 {
			t.Errorf("%+v", st)
		}
	})
}

// One that was starting has to show that it is ready.
func TestAdoptedWhileStarting(t *testing.T) {
	scene(t, func(p *play) {
		p.adopt(Legacy{}, behaviour{ready: -1})
		p.is(Starting)
		p.usual = behaviour{}
		p.pass(time.Minute)
		p.is(Up)
		if st := p.status(); st.Adopted || st.Last.Reason != Unhealthy {
			t.Errorf("%+v", st)
		}
	})
}

// A stop that was under way goes on; whoever is not wanted for long is drained.
func TestAdoptedForAnEnd(t *testing.T) {
	scene(t, func(p *play) {
		p.adopt(Legacy{WasUp: true, Stopped: true}, behaviour{})
		p.pass(time.Second)
		p.is(Down)
	})
	scene(t, func(p *play) {
		p.work = 5 * time.Second
		p.adopt(Legacy{WasUp: true, Replace: true}, behaviour{})
		p.connect(2)
		p.pass(20 * time.Second)
		if st := p.status(); st.State != Up || st.Last.Reason != Adopted || st.Restarts != 1 || p.served != 2 {
			t.Errorf("served %d, %+v", p.served, st)
		}
	})
}

// A keepone that begins with a stopped backend has no deadline.
func TestStoppedBefore(t *testing.T) {
	scene(t, func(p *play) {
		p.prepare = func(s *Supervisor) { s.Resume(Legacy{Stopped: true}) }
		p.boot()
		p.pass(3 * time.Hour)
		p.is(Down)
		if all := strings.Join(p.log, "\n"); strings.Contains(all, "bug") {
			t.Error(all)
		}
	})
}

// A socket that breaks while a restart is prepared does not wait for its check,
// and whoever asked for the restart has it.
func TestBrokenWhilePreparing(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		p.checking = -1 // for ever
		restart := p.restart(Options{})
		restart.waits()
		p.do(func() { p.published.broken = true })
		p.pass(2 * time.Second)
		p.is(Up)
		restart.ok()
		if st := p.status(); st.Next != 0 || st.Generation != 2 || st.Renewed != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// A next generation that nobody serves yet, with no backend, is no hindrance.
func TestCalmInDown(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{deaf: true})
		p.connect(1)
		p.stop(Options{Now: true})
		p.is(Down)
		if p.status().Next == 0 {
			t.Fatal("the test is not what it should be: there is no next generation")
		}
		p.calm(func() error { return nil }).ok()
	})
}

// Each socket at which somebody waits has somebody who answers, and one that
// died is followed.
func TestExcuseForEach(t *testing.T) {
	scene(t, func(p *play) {
		p.polite = true
		p.upWith(behaviour{deaf: true})
		p.connect(1)
		p.stop(Options{Now: true})
		p.connect(1)
		p.pass(2 * time.Second)
		if p.excuses != 2 {
			t.Fatalf("%d answer at two sockets", p.excuses)
		}
		p.do(func() { p.excuseDies() })
		p.connect(1)
		p.pass(2 * time.Second)
		if !p.status().Excusing || p.published.pending != 0 {
			t.Errorf("%d wait, and status says %+v", p.published.pending, p.status())
		}
	})
}
