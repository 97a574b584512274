package supervise

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestStopAndStart(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		p.stop(Options{}).ok()
		p.is(Down)
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, kill 2, exit 2, close 1")
		p.stop(Options{}).ok()
		p.connect(2)
		p.pass(time.Hour)
		p.did("")
		p.up().ok()
		p.pass(time.Second)
		if st := p.status(); p.served != 2 || st.Generation != 2 {
			t.Errorf("served %d, status %+v", p.served, st)
		}
		p.stop(Options{}).ok()
		p.restart(Options{}).ok()
	})
}

func TestStartDuringClosing(t *testing.T) {
	scene(t, func(p *play) {
		p.work = 10 * time.Second
		p.upWith(behaviour{})
		p.connect(1)
		stopping := p.stop(Options{})
		p.is(Closing)
		p.pass(5 * time.Second)
		starting := p.up()
		p.is(Draining)
		stopping.fails("started again")
		p.pass(5 * time.Second)
		starting.ok()
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, go 2")
	})
}

func TestStopStartStop(t *testing.T) {
	scene(t, func(p *play) {
		p.work = 10 * time.Second
		p.upWith(behaviour{slow: 2 * time.Second})
		p.connect(1)
		first := p.stop(Options{})
		second := p.up()
		third := p.stop(Options{})
		p.pass(11 * time.Second)
		p.is(Stopping)
		fourth := p.restart(Options{})
		p.is(Restarting)
		fifth := p.stop(Options{})
		p.is(Stopping)
		p.pass(time.Second)
		p.is(Down)
		fifth.ok()
		first.fails("started again")
		third.fails("started again")
		second.fails("stopped meanwhile")
		fourth.fails("stopped meanwhile")
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, kill 2, exit 2, close 1")
	})
}

func TestStopDuringBackoff(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		p.crash()
		p.is(Backoff)
		p.stop(Options{}).ok()
		p.pass(time.Hour)
		p.did("exit 1")
	})
}

func TestStopWhileStarting(t *testing.T) {
	scene(t, func(p *play) {
		p.usual.ready = time.Second
		p.boot()
		starting := p.up()
		p.stop(Options{}).ok()
		starting.fails("stopped meanwhile")
	})
}

func TestStopDuringPreparation(t *testing.T) {
	scene(t, func(p *play) {
		p.checking = time.Second
		p.upWith(behaviour{})
		restarting := p.restart(Options{})
		p.stop(Options{}).ok()
		restarting.fails("stopped meanwhile")
		p.pass(time.Minute)
		p.is(Down)
	})
}

// The crash is not what the caller asked for; the next backend is.
func TestCrashDuringPreparation(t *testing.T) {
	for _, next := range []behaviour{{}, {ready: -1, dies: time.Second}} {
		scene(t, func(p *play) {
			p.checking = time.Minute
			p.upWith(behaviour{}, next)
			c := p.restart(Options{})
			p.crash()
			p.is(Backoff)
			c.waits()
			p.pass(firstBackoff)
			if next.dies == 0 {
				c.ok()
				return
			}
			c.waits()
			p.pass(time.Second)
			c.fails("failed")
		})
	}
}

func TestCrashWhileStartingDuringPreparation(t *testing.T) {
	scene(t, func(p *play) {
		p.checking = time.Minute
		p.coming = []behaviour{{ready: -1}}
		p.boot()
		c := p.restart(Options{})
		p.crash()
		c.fails("failed")
		p.pass(firstBackoff)
		p.is(Up)
	})
}

func TestCallerGoesAway(t *testing.T) {
	scene(t, func(p *play) {
		p.checking = time.Second
		p.upWith(behaviour{})
		c := p.call(func(ctx context.Context) (Status, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			return p.s.Restart(ctx, Options{})
		})
		p.pass(time.Millisecond)
		if !errors.Is(c.err, context.DeadlineExceeded) {
			t.Errorf("answered %v", c.err)
		}
		p.pass(time.Second)
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, go 2")
	})
}

func TestNoWait(t *testing.T) {
	scene(t, func(p *play) {
		p.checking = time.Second
		p.upWith(behaviour{})
		p.restart(Options{NoWait: true}).ok()
		p.did("")
		p.pass(time.Second)
		p.did("bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, go 2")
		p.stop(Options{NoWait: true}).ok()
		synctest.Wait()
		p.is(Down)
		p.up().ok()
	})
}

// A start asks for a backend that is up, not for the restart to succeed.
func TestStartDuringAFailedCheck(t *testing.T) {
	scene(t, func(p *play) {
		p.fail["check"] = true
		p.checking = time.Second
		p.upWith(behaviour{})
		restarting, starting := p.restart(Options{}), p.up()
		p.pass(time.Second)
		restarting.fails("injected")
		starting.ok()
	})
}

// A stop needs no next generation, so none of what fails there keeps an
// operator from it.
func TestStopWithoutANextSocket(t *testing.T) {
	for _, what := range []string{"bind", "hold", "publish"} {
		t.Run(what, func(t *testing.T) {
			scene(t, func(p *play) {
				p.upWith(behaviour{})
				p.fail[what] = true
				p.stop(Options{}).ok()
				p.is(Down)
				p.repair()
				p.up().ok()
			})
		})
	}
}

// Whoever asked for a stop and was overruled must hear of it, also when the
// backend never gets up again.
func TestStopOverruledInACrashLoop(t *testing.T) {
	scene(t, func(p *play) {
		p.work = time.Second
		p.upWith(behaviour{})
		p.connect(1)
		stopping := p.stop(Options{})
		p.is(Closing)
		p.usual = behaviour{ready: -1, dies: time.Millisecond}
		starting := p.up()
		p.pass(time.Hour)
		starting.fails("failed")
		stopping.fails("started again")
	})
}

// StopTimeout is from the stop signal to SIGKILL, whatever is asked meanwhile.
func TestStopTimeoutIsNotProlonged(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{stubborn: true})
		p.stop(Options{})
		p.did("bind 2, hold 2, publish 2, terminate 1")
		p.pass(3 * time.Second)
		p.up()
		p.pass(2 * time.Second)
		p.did("kill 1, exit 1, close 1, go 2")
	})
}
