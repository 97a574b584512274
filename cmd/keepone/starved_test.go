package main

import (
	"testing"
	"time"
)

// A sample may come between the kernel's decision to kill and the exit.
func TestKilledByTheKernel(t *testing.T) {
	begin := time.Now()
	for name, c := range map[string]struct {
		counts []uint64      // of looks, a second apart
		since  time.Duration // from the latest to the exit
		want   bool
	}{
		"never":              {[]uint64{4, 4}, 0, false},
		"before we began":    {[]uint64{4}, 0, false},
		"since the latest":   {[]uint64{4, 5}, 0, true},
		"a sample between":   {[]uint64{4, 5, 5}, 0, true},
		"somebody long ago":  {[]uint64{4, 5, 5, 5, 5}, 0, false},
		"an old first look":  {[]uint64{0, 5}, 0, true},
		"it took its time":   {[]uint64{4, 5}, 2 * time.Second, true},
		"longer than it may": {[]uint64{4, 5}, 4 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			var g gauge
			now := begin
			for i, n := range c.counts {
				now = begin.Add(time.Duration(i) * time.Second)
				g.count(n, now)
			}
			if got := g.wasKilled(now.Add(c.since)); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
			if g.wasKilled(now.Add(c.since)) {
				t.Error("twice")
			}
		})
	}
	var g gauge
	g.count(4, begin)
	if g.count(5, begin.Add(2*stale)); g.wasKilled(begin.Add(2 * stale)) {
		t.Error("a look that is too old proves nothing")
	}
}
