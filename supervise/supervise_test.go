package supervise

import (
	"strings"
	"testing"
	"time"
)

func TestBoot(t *testing.T) {
	scene(t, func(p *play) {
		p.usual.ready = time.Second
		p.connect(3)
		p.boot()
		p.is(Starting)
		p.pass(time.Second)
		p.is(Up)
		p.did("spawn 1")
		p.pass(time.Second)
		if st := p.status(); p.served != 3 || st.PID != 101 || st.Restarts != 0 || st.Generation != 1 {
			t.Errorf("served %d, status %+v", p.served, st)
		}
	})
}

func TestCrashBacksOff(t *testing.T) {
	scene(t, func(p *play) {
		p.usual.dies = time.Millisecond
		p.boot()
		waits := []time.Duration{100, 200, 400, 800, 1600, 3200, 6400, 12800, 20000, 20000}
		for i, ms := range waits {
			p.pass(time.Millisecond)
			p.is(Backoff)
			if st := p.status(); st.Until.Sub(st.Since) != ms*time.Millisecond || st.Failures != i+1 {
				t.Fatalf("failure %d waits %s, want %d ms", st.Failures, st.Until.Sub(st.Since), ms)
			}
			if i == len(waits)-1 {
				p.usual = behaviour{}
			}
			p.pass(ms * time.Millisecond)
		}
		p.is(Up)
		if st := p.status(); st.Last.Reason != Crashed || st.LastWords != "last words" || st.Restarts != len(waits) {
			t.Errorf("status %+v", st)
		}
		p.pass(59 * time.Second) // not trusted yet
		p.crash()
		if st := p.status(); st.Failures != len(waits)+1 {
			t.Errorf("%d failures after a crash within a minute", st.Failures)
		}
		p.pass(20 * time.Second)
		p.restart(Options{}).ok()
		if st := p.status(); st.Failures != 0 {
			t.Errorf("%d failures after a planned restart", st.Failures)
		}
	})
}

func TestCrashAfterAMinuteIsTheFirst(t *testing.T) {
	scene(t, func(p *play) {
		p.coming = []behaviour{{dies: time.Millisecond}, {dies: time.Millisecond}, {dies: time.Millisecond}}
		p.boot()
		p.pass(time.Second)
		p.is(Up)
		p.pass(time.Minute)
		p.crash()
		p.is(Backoff)
		if st := p.status(); st.Failures != 1 || st.Until.Sub(st.Since) != firstBackoff {
			t.Errorf("%d failures, waits %s", st.Failures, st.Until.Sub(st.Since))
		}
	})
}

// An exit status 0 of a backend that was up is no failure, however soon it
// comes; only, spawns are at least a tenth of a second apart.
func TestFinished(t *testing.T) {
	scene(t, func(p *play) {
		p.coming = []behaviour{{exits: time.Second}, {exits: firstBackoff}, {}}
		p.boot()
		p.pass(time.Second)
		p.is(Up)
		p.pass(firstBackoff)
		p.is(Up)
		p.did("spawn 1, exit 1, spawn 1, exit 1, spawn 1")
		if st := p.status(); st.Failures != 0 || st.Last.Reason != Finished || st.Restarts != 2 || st.LastExit != "exit status 0" {
			t.Errorf("status %+v", st)
		}
	})
}

func TestFinishedSoon(t *testing.T) {
	scene(t, func(p *play) {
		p.usual = behaviour{exits: time.Millisecond}
		p.boot()
		p.pass(10*time.Second + time.Millisecond)
		if st := p.status(); len(p.backends) != 101 || st.Failures != 0 || st.State != Backoff {
			t.Errorf("%d backends in ten seconds, status %+v", len(p.backends), st)
		}
		p.do(func() { p.usual = behaviour{} })
		p.pass(firstBackoff)
		p.is(Up)
	})
}

func TestExitZeroBeforeReadyIsAFailure(t *testing.T) {
	scene(t, func(p *play) {
		p.coming = []behaviour{{ready: time.Minute, exits: time.Second}}
		p.boot()
		p.pass(time.Second)
		p.is(Backoff)
		if st := p.status(); st.Failures != 1 {
			t.Errorf("status %+v", st)
		}
	})
}

func TestNotReadyInTime(t *testing.T) {
	scene(t, func(p *play) {
		p.coming = []behaviour{{ready: -1, stubborn: true}}
		p.boot()
		c := p.up()
		p.pass(10 * time.Second)
		c.fails("not ready after 10s")
		p.is(Restarting)
		p.did("spawn 1, terminate 1")
		p.pass(5 * time.Second)
		p.is(Up)
		p.did("kill 1, exit 1, spawn 1")
		if st := p.status(); st.Failures != 1 || st.Last.Reason != Unhealthy || st.Last.Exit != "killed by SIGKILL" {
			t.Errorf("status %+v", st)
		}
	})
}

// What cannot tell whether it is ready has the full time, and then another one
// follows.
func TestReadyCannotBeTold(t *testing.T) {
	scene(t, func(p *play) {
		p.fail["ready"] = true
		p.boot()
		p.pass(10*time.Second - 1)
		p.is(Starting)
		p.repair()
		p.pass(1)
		p.is(Up)
		p.did("spawn 1, terminate 1, exit 1, spawn 1")
	})
}

func TestSpawnFailsAtBoot(t *testing.T) {
	scene(t, func(p *play) {
		p.fail["spawn"] = true
		p.boot()
		p.is(Backoff)
		p.up().fails("injected")
		p.repair()
		p.pass(200 * time.Millisecond)
		p.is(Up)
	})
}

func TestBlocked(t *testing.T) {
	scene(t, func(p *play) {
		p.usual.rival = "pid 7"
		p.boot()
		p.is(Blocked)
		p.up().fails("pid 7")
		p.restart(Options{}).fails("pid 7")
		before := len(p.log)
		p.pass(time.Minute)
		p.is(Blocked)
		if len(p.log) != before {
			t.Errorf("a rival is told every second: %q", p.log)
		}
		p.usual.rival = ""
		p.pass(time.Second)
		p.is(Up)
		if st := p.status(); st.Failures != 0 || st.Restarts != 0 {
			t.Errorf("status %+v", st)
		}
	})
}

func TestRivalIsToldAgain(t *testing.T) {
	scene(t, func(p *play) {
		told := func() (n int) {
			for _, line := range p.log {
				if strings.Contains(line, "-> blocked: pid 7") {
					n++
				}
			}
			return n
		}
		p.coming = []behaviour{{rival: "pid 7"}, {}, {rival: "pid 7"}}
		p.boot()
		p.pass(time.Second)
		p.is(Up)
		p.restart(Options{}).fails("pid 7")
		if told() != 2 {
			t.Errorf("told %d times, want 2", told())
		}
	})
}

func TestStopWhileBlocked(t *testing.T) {
	scene(t, func(p *play) {
		p.usual.rival = "pid 7"
		p.boot()
		p.stop(Options{}).ok()
		p.pass(time.Minute)
		p.is(Down)
		p.did("spawn 1, exit 1")
	})
}

// The exit is what ends a backend, not the death of its leader.
func TestNextWaitsForDescendants(t *testing.T) {
	scene(t, func(p *play) {
		p.coming = []behaviour{{lingers: time.Minute}}
		p.boot()
		p.crash()
		p.pass(time.Minute - 1)
		p.did("spawn 1")
		p.pass(firstBackoff + 1)
		p.is(Up)
		p.did("exit 1, spawn 1")
	})
}
