package supervise

import (
	"testing"
	"time"
)

// quick is a world that must leave within 9 seconds, with the patience that a
// site has by default.
func (p *play) quick() {
	cfg := p.config()
	cfg.LeaveWithin, cfg.DrainTimeout, cfg.StopTimeout = 9*time.Second, 30*time.Second, 10*time.Second
	p.start(cfg)
}

// gone is how long keepone takes to leave.
func (p *play) gone() time.Duration {
	p.t.Helper()
	began := time.Now()
	p.leave()
	return time.Since(began)
}

// From every state keepone leaves in time, whatever the backend does.
func TestLeaveWithin(t *testing.T) {
	deaf := behaviour{stubborn: true, deaf: true}
	for from, arrange := range map[State]func(*play){
		Down:       func(p *play) { p.quick(); p.stop(Options{}) },
		Blocked:    func(p *play) { p.usual.rival = "pid 7"; p.quick() },
		Starting:   func(p *play) { p.usual.ready, p.usual.stubborn = -1, true; p.quick() },
		Up:         func(p *play) { p.usual = deaf; p.quick(); p.connect(1) },
		Draining:   func(p *play) { p.usual = deaf; p.quick(); p.connect(1); p.restart(Options{}) },
		Restarting: func(p *play) { p.usual.stubborn = true; p.quick(); p.restart(Options{}) },
		Closing:    func(p *play) { p.usual = deaf; p.quick(); p.connect(1); p.stop(Options{}) },
		Stopping:   func(p *play) { p.usual.stubborn = true; p.quick(); p.stop(Options{}) },
		Backoff:    func(p *play) { p.quick(); p.crash() },
	} {
		t.Run(from.String(), func(t *testing.T) {
			scene(t, func(p *play) {
				arrange(p)
				p.is(from)
				if d := p.gone(); d > 9*time.Second {
					t.Errorf("it took %s", d)
				}
			})
		})
	}
}

// The drain leaves the backend a third of the time to exit in, and what it does
// not take itself.
func TestLeaveWithinShares(t *testing.T) {
	for name, c := range map[string]struct {
		work   time.Duration // that a request takes
		slow   time.Duration // that the backend takes to exit
		served int
		end    string
	}{
		"in time":        {work: 5 * time.Second, slow: 3 * time.Second, served: 1, end: "terminate 1, exit 1"},
		"a long request": {work: 7 * time.Second, slow: 500 * time.Millisecond, end: "terminate 1, exit 1"},
		"a slow exit":    {work: time.Second, slow: 7 * time.Second, served: 1, end: "terminate 1, exit 1"},
		"too slow":       {work: 5 * time.Second, slow: 5 * time.Second, served: 1, end: "terminate 1, kill 1, exit 1"},
	} {
		t.Run(name, func(t *testing.T) {
			scene(t, func(p *play) {
				p.usual.slow, p.work = c.slow, c.work
				p.quick()
				p.pass(time.Second)
				p.connect(1)
				p.did("spawn 1")
				if d := p.gone(); d > 9*time.Second || p.served != c.served {
					t.Errorf("it took %s, and served %d", d, p.served)
				}
				p.did("withdraw 1, " + c.end + ", close 1")
			})
		})
	}
}

// A queue that was left behind may take longer than a drain, but not when
// keepone leaves.
func TestLeaveWithinAQueueLeftBehind(t *testing.T) {
	scene(t, func(p *play) {
		p.usual.single, p.work = true, 2*time.Second
		p.quick()
		p.pass(time.Second)
		p.connect(20)
		p.restart(Options{})
		p.pass(6 * time.Second) // the quiet moment did not come
		p.is(Draining)
		p.crash()
		p.pass(time.Second)
		p.is(Draining)
		if d := p.gone(); d > 9*time.Second {
			t.Errorf("it took %s", d)
		}
	})
}
