package supervise

import (
	"testing"
	"time"
)

// A backend that never accepted has nothing to finish: stopping it, or keepone,
// waits for nobody, whoever may be in its queue.
func TestStopBeforeReadyWaitsForNobody(t *testing.T) {
	scene(t, func(p *play) {
		p.usual = behaviour{ready: -1}
		p.boot()
		p.connect(1)
		p.stop(Options{}).ok()
		p.is(Down)
		p.did("spawn 1, terminate 1, exit 1")
	})
}

// Where ready is only assumed, a starting backend is drained like any other.
func TestRestartWhileSettling(t *testing.T) {
	scene(t, func(p *play) {
		p.usual = behaviour{ready: time.Second}
		cfg := p.config()
		cfg.Settles = true
		p.start(cfg)
		p.restart(Options{})
		p.did("spawn 1, bind 2, hold 2, publish 2, terminate 1, exit 1, close 1, go 2")
	})
}
