package supervise

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestFailedCheckTouchesNothing(t *testing.T) {
	scene(t, func(p *play) {
		p.checking = time.Second
		p.upWith(behaviour{})
		p.fail["check"] = true
		c := p.restart(Options{})
		p.pass(time.Second)
		c.fails("injected")
		p.restart(Options{NoCheck: true}).ok()
	})
}

func TestFailedPreparationTouchesNothing(t *testing.T) {
	did := map[string]string{
		"bind":    "",
		"hold":    "bind 2, close 2",
		"publish": "bind 2, hold 2, kill 2, exit 2, close 2",
	}
	for what, want := range did {
		t.Run(what, func(t *testing.T) {
			scene(t, func(p *play) {
				p.upWith(behaviour{})
				p.connect(1)
				p.fail[what] = true
				c := p.restart(Options{Now: true})
				c.fails("injected")
				if !errors.Is(c.err, errInjected) {
					t.Errorf("%v does not wrap its cause", c.err)
				}
				p.is(Up)
				p.did(want)
				p.repair()
				p.pass(time.Second)
				p.restart(Options{}).ok()
			})
		})
	}
}

func TestWordCannotBeGiven(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		p.fail["go"] = true
		p.restart(Options{}).ok()
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, kill 2, exit 2, spawn 2")
	})
}

func TestWaitingShimDies(t *testing.T) {
	scene(t, func(p *play) {
		p.work = 10 * time.Second
		p.upWith(behaviour{})
		p.connect(1)
		c := p.restart(Options{})
		p.pass(5 * time.Second)
		p.do(func() { p.shim().end(Exit{Text: "killed by SIGKILL"}) })
		synctest.Wait()
		if st := p.status(); st.State != Draining || st.Next != 2 || st.NextPID != 0 {
			t.Errorf("status %+v", st)
		}
		p.pass(5 * time.Second)
		c.ok()
		p.did("bind 2, hold 2, publish 2, exit 2, terminate 1, exit 1, close 1, spawn 2")
	})
}

// --no-check is not answered with the verdict of the check that another caller
// asked for.
func TestNoCheckOvertakes(t *testing.T) {
	scene(t, func(p *play) {
		p.checking = time.Hour
		p.upWith(behaviour{})
		first := p.restart(Options{})
		p.restart(Options{NoCheck: true}).ok()
		first.ok()
	})
}

// The status of a generation that cannot be served is of that generation.
func TestNextCannotBeSpawned(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		p.fail["go"], p.fail["spawn"] = true, true
		p.restart(Options{}).fails("injected")
		p.is(Backoff)
		p.repair()
		p.pass(firstBackoff)
		p.is(Up)
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, kill 2, exit 2, spawn 2")
	})
}
