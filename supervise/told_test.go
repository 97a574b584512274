package supervise

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestMemoryOnlyWarns(t *testing.T) {
	scene(t, func(p *play) {
		c := p.config()
		c.OnlyWarn = true
		p.start(c)
		p.weight = Weight{RSS: 90 << 20, Swap: 10 << 20, Soft: true, Hard: true}
		p.pass(10 * time.Second)
		if st := p.status(); st.Restarts != 0 || !st.Over {
			t.Errorf("%+v", st)
		}
		p.weight = Weight{RSS: 1 << 20}
		p.pass(10 * time.Second)
		p.weight = Weight{RSS: 1 << 20, Soft: true}
		p.pass(10 * time.Second) // up and down: no news
		p.weight = Weight{RSS: 1 << 20}
		p.pass(61 * time.Second)
		p.weight = Weight{RSS: 1 << 20, Soft: true}
		p.pass(time.Second)
		p.heard("start: started, warning: over the memory limit (hard), with 100.0 MiB, warning: over the memory limit (soft), with 1.0 MiB")
	})
}

// What grows towards the limit is looked at oftener; without sampling only who
// asks has it looked at.
func TestPace(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		samples := func(d time.Duration) uint64 {
			before := p.status().Samples
			p.pass(d)
			return p.status().Samples - before
		}
		if n := samples(10 * time.Second); n != 10 {
			t.Errorf("%d samples in 10 s", n)
		}
		p.weight = Weight{Steep: true}
		p.pass(time.Second)
		if n := samples(10 * time.Second); n != 100 {
			t.Errorf("%d samples in 10 s, while it is steep", n)
		}
		p.weight = Weight{RSS: 77}
		p.pass(time.Second)
		if err := p.s.Reconfigure(context.Background(), func(c *Config) { c.Sample = 0 }); err != nil {
			t.Error(err)
		}
		if n := samples(time.Hour); n != 1 || p.status().RSS != 77 {
			t.Errorf("%d samples in an hour without sampling", n)
		}
	})
}

// A kill by the kernel is told from any other, with the size at death.
func TestOutOfMemory(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		p.weight = Weight{RSS: 200 << 20}
		p.pass(2 * time.Second)
		for _, c := range []struct {
			starved bool
			exit    Exit
			reason  Reason
			text    string
		}{
			{true, Exit{Text: "killed by SIGKILL", Killed: true}, OOM, "killed by the kernel: out of memory, with 200.0 MiB at its last sample"},
			{false, Exit{Text: "killed by SIGKILL", Killed: true}, Crashed, "killed by SIGKILL"},
			{true, Exit{Text: "killed by SIGSEGV"}, Crashed, "killed by SIGSEGV"},
		} {
			p.do(func() { p.starved = c.starved; p.running().die(c.exit) })
			p.pass(90 * time.Second)
			if st := p.status(); st.Last.Reason != c.reason || st.Last.Exit != c.text || st.State != Up {
				t.Errorf("%+v: %+v", c, st)
			}
		}
	})
}

// Whoever looks back reads what befell the backend, one line for each.
func TestEvents(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{})
		p.crash()
		p.pass(time.Second)
		p.crash()
		p.pass(time.Second)
		p.weight = Weight{RSS: 1 << 20, Hard: true}
		p.pass(time.Second)
		p.weight = Weight{}
		p.pass(time.Second)
		p.fail["check"] = true
		p.restart(Options{}).fails("cannot check")
		p.stop(Options{}).ok()
		p.heard("start: started, crash: killed by SIGSEGV, start: crashed: killed by SIGSEGV, backoff: killed by SIGSEGV, " +
			"start: crashed: killed by SIGSEGV, memory: hard limit passed, with 1.0 MiB, start: memory: killed by SIGTERM, " +
			"check failed: cannot check: injected failure, stop: stopped, killed by SIGTERM")
	})
}

// heard demands the events so far.
func (p *play) heard(want string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := strings.Join(p.events, ", "); got != want {
		p.t.Errorf("heard %s\nwant  %s", got, want)
	}
}

// The loop itself answers who asks whether it lives: one that stands does not.
func TestPulse(t *testing.T) {
	scene(t, func(p *play) {
		c := p.config()
		pulse, alive := make(chan time.Time), make(chan Status, 1)
		c.Pulse, c.Alive = pulse, func(st Status) { alive <- st }
		p.start(c)
		p.weight = Weight{RSS: 42}
		p.pass(2 * time.Second)
		pulse <- time.Now()
		if st := <-alive; st.State != Up || st.RSS != 42 {
			t.Errorf("%+v", st)
		}
	})
}
