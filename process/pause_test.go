package process

import "testing"

// Who stands still does nothing, children included, and goes on afterwards.
func TestPause(t *testing.T) {
	trees(t, func(b *bench) {
		p := b.spawn(b.spec("sh -c 'while :; do :; done' & echo on; while :; do :; done"), false)
		b.await("on")
		for range 5 {
			if err := p.Pause(); err != nil {
				b.Fatal(err)
			}
			members := p.Members()
			if len(members) != 2 {
				b.Errorf("%d members", len(members))
			}
			for _, pid := range members {
				if !still(pid) {
					b.Errorf("process %d moves", pid)
				}
			}
			p.Resume()
			for n := 0; still(p.PID()); n++ { // SIGCONT was sent: it takes a moment
				if n > 1000000 {
					b.Fatal("it does not go on")
				}
			}
		}
		if err := p.Kill(); err != nil {
			b.Error(err)
		}
		b.exit(p)
	})
}
