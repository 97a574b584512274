package rss

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const mib = 1 << 20

var usual = Limits{Soft: 96 * mib, Hard: 128 * mib, N: 3, M: 5, MinLife: time.Minute, Every: time.Second}

// A curve is what a backend weighs, in MiB, at an age in seconds.
type curve func(age float64) float64

// life lets backends of that curve live one after the other for some seconds,
// sampled as the loop does it: ten times as often while it is steep, and
// another backend half a second after a verdict. It returns the ages at which
// they were restarted, and the largest weight of all.
func life(l Limits, c curve, seconds int) (soft, hard []float64, peak float64, last Verdict) {
	var j judge
	born, now := 0.0, 0.0
	for now < float64(seconds) {
		age := now - born
		peak = max(peak, c(age))
		last = j.judge(l, uint64(c(age)*mib), time.Duration(age*float64(time.Second)))
		switch {
		case last.Hard:
			hard = append(hard, age)
		case last.Soft:
			soft = append(soft, age)
		}
		if last.Hard || last.Soft {
			peak = max(peak, c(age+0.5))
			now += 0.5
			born = now
			j.begin()
		}
		if now += l.Every.Seconds(); last.Steep {
			now -= l.Every.Seconds() * 0.9
		}
	}
	return soft, hard, peak, last
}

func TestLives(t *testing.T) {
	leak := func(from, rate float64) curve { return func(age float64) float64 { return from + rate*age } }
	spike := func(at float64) curve {
		return func(age float64) float64 {
			if age >= at && age < at+1.5 {
				return 120
			}
			return 40
		}
	}
	for _, c := range []struct {
		name       string
		curve      curve
		soft, hard int // at least so many restarts in ten minutes; -1 for none
		peak       float64
		fits       uint64 // in the end, MiB
	}{
		{"small", leak(40, 0), -1, -1, 40, 0},
		{"big and not growing", leak(95, 0), -1, -1, 95, 0},
		{"one big request", spike(200), -1, -1, 120, 0},
		{"too big from the start", leak(300, 0), -1, -1, 300, 375},
		{"a little too big from the start", leak(100, 0), -1, -1, 100, 125},
		{"a slow leak", leak(40, 0.2), 2, -1, 98, 0},
		{"1 MiB/s, over the limit after its youth", leak(30, 1), 8, -1, 100, 0},
		{"1 MiB/s, over the soft limit in its youth", leak(60, 1), -1, 8, 130, 127},
		{"50 MiB/s from the start, and for ever", leak(40, 50), 0, 20, 3850, 0},
		{"a jump at once over everything", func(age float64) float64 {
			if age < 90 {
				return 40
			}
			return 300
		}, -1, 6, 300, 0},
		{"a start that allocates for two seconds", func(age float64) float64 { return 40 + 100*min(age, 2) }, -1, 3, 240, 300},
	} {
		soft, hard, peak, last := life(usual, c.curve, 600)
		atLeast := func(n, want int) bool { return want < 0 && n == 0 || want >= 0 && n >= want }
		if !atLeast(len(soft), c.soft) || !atLeast(len(hard), c.hard) || peak > c.peak+1 || c.fits > 0 && last.Fits != c.fits*mib || c.fits == 0 && c.soft+c.hard == -2 && last.Fits != 0 {
			t.Errorf("%s: soft restarts at ages %.1f, hard at %.1f, at most %.0f MiB, would fit: %d MiB", c.name, soft, hard, peak, last.Fits/mib)
		}
	}
}

// A leak that is too fast for the minimum lifetime is seen well before it has
// doubled the limit, three times in a row.
func TestRunAway(t *testing.T) {
	l := usual
	l.Soft, l.Hard = 0, 256*mib
	_, hard, peak, _ := life(l, func(age float64) float64 { return 20 + 50*age }, 18)
	if len(hard) != runAways || peak > 256+100 {
		t.Errorf("restarted at %.1f, at most %.0f MiB", hard, peak)
	}
	if j := (judge{inARow: 2 * runAways}); j.bar(100) != 400 {
		t.Errorf("after %d, the bar is at %d %%", 2*runAways, j.bar(100))
	}
	// A backend that behaves makes up for it.
	var j judge
	for range runAways {
		j.ranAway = true
		j.begin()
	}
	if j.inARow != runAways {
		t.Fatalf("%d in a row", j.inARow)
	}
	j.begin()
	if j.inARow != 0 {
		t.Errorf("%d in a row after one that did not", j.inARow)
	}
}

// Without a minimum lifetime the limits are just limits.
func TestPlainLimits(t *testing.T) {
	l := Limits{Soft: 10, Hard: 20, N: 2, M: 3}
	for _, c := range []struct {
		samples    []uint64
		soft, hard bool
	}{
		{nil, false, false},
		{[]uint64{1, 11}, false, false}, // one big request
		{[]uint64{1, 11, 5, 11}, true, false},
		{[]uint64{1, 11, 11, 5, 5, 5}, false, false}, // long ago
		{[]uint64{1, 10, 10, 10}, false, false},      // not over
		{[]uint64{1, 5, 5, 21}, false, true},
		{[]uint64{1, 21, 5}, false, false}, // the hard limit looks at the latest
	} {
		var j judge
		var v Verdict
		for i, bytes := range c.samples {
			v = j.judge(l, bytes, time.Duration(i)*time.Second)
		}
		if v.Soft != c.soft || v.Hard != c.hard {
			t.Errorf("%v: %+v", c.samples, v)
		}
	}
	var j judge
	for i := range 100 {
		if v := j.judge(Limits{N: 1, M: 1}, 1<<uint(i%60), time.Duration(i)*time.Hour); v != (Verdict{}) {
			t.Errorf("limits that are not set: %+v", v)
		}
	}
}

// While it is steep, samples come sooner; the soft limit counts as if they did not.
func TestSoftCountsSeconds(t *testing.T) {
	l := usual
	l.MinLife = 0
	var j judge
	j.judge(l, 40*mib, 0)
	for i := range 25 {
		age := time.Second + time.Duration(i)*100*time.Millisecond
		if v := j.judge(l, 100*mib, age); v.Soft != (i >= 18) {
			t.Errorf("at age %s: %+v", age, v)
		}
	}
}

// History is compared with a slice that forgets nothing.
func TestHistory(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		m, limit := 1+r.IntN(maxM), uint64(r.IntN(10))
		var h History
		var all []uint64
		for range r.IntN(30) {
			if r.IntN(15) == 0 {
				h.Reset()
				all = nil
			}
			v := uint64(r.IntN(10))
			h.Add(v)
			all = append(all, v)
		}
		over, middle := 0, uint64(0)
		latest := slices.Sorted(slices.Values(all[max(0, len(all)-m):]))
		for _, v := range latest {
			if v > limit {
				over++
			}
		}
		if n := len(latest); n > 0 {
			middle = latest[n/2]
		}
		if h.Over(limit, m) != over || h.Middle(m) != middle || h.Len() != min(len(all), maxM) {
			t.Fatalf("m %d, limit %d, %v: %d over, want %d; middle %d, want %d", m, limit, all, h.Over(limit, m), over, h.Middle(m), middle)
		}
	}
}
