package history

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// rates are the percents of courses that may be said to grow: what must not be
// said is bounded above, what must be below.
var rates = []struct {
	name        string
	minutes     int
	trials      int
	course      course
	least, most float64
}{
	{"walk", 20, 1000, walk(1, 1), 0, 2},
	{"walk", 60, 1000, walk(1, 1), 0, 2},
	{"walk", 300, 1000, walk(1, 1), 0, 2},
	{"walk", 1430, 150, walk(1, 1), 0, 4},
	{"small walk", 300, 150, walk(1, .1), 0, 4},
	{"walk that comes back", 60, 150, walk(.95, 1), 0, 1},
	{"noise", 20, 150, leak(0, 5), 0, 1},
	{"noise", 300, 150, leak(0, 5), 0, 1},
	{"one step", 20, 150, steps(1, 20), 0, 1},
	{"one step", 300, 150, steps(1, 20), 0, 0},
	{"three steps", 60, 150, steps(3, 10), 0, 1},
	{"high water", 60, 150, highWater, 0, 1},
	{"high water", 1430, 150, highWater, 0, 0},
	{"teeth", 60, 150, teeth(3), 0, 0},
	{"teeth", 60, 150, teeth(15), 0, 0},
	{"teeth", 30, 150, teeth(17), 0, 1},
	{"teeth", 60, 150, teeth(40), 0, 1},
	{"teeth", 300, 150, teeth(120), 0, 1},
	{"warm-up that goes on", 60, 150, saturating(15), 0, 0},
	{"warm-up that goes on", 300, 150, saturating(60), 0, 0},
	{"less than a MiB", 300, 150, from(10, leak(.9, .01)), 0, 0},
	{"a little more", 300, 150, from(10, leak(1.3, .01)), 100, 100},
	{"less than 2 %", 300, 150, from(200, leak(3, .01)), 0, 0},
	{"a little more", 300, 150, from(200, leak(5.5, .01)), 100, 100},
	{"it shrinks", 300, 150, leak(-20, .5), 0, 0},

	{"fast leak", 20, 150, leak(20, .5), 99, 100},
	{"leak", 60, 150, leak(20, .5), 100, 100},
	{"leak", 300, 150, leak(20, 2), 99, 100},
	{"slow leak", 300, 150, leak(5, .5), 99, 100},
	{"slow leak", 1430, 150, leak(3, .5), 99, 100},
	{"a leak in 20 steps", 300, 150, steps(20, 1), 75, 100},
	{"a leak under teeth", 300, 150, under(20, teeth(7)), 100, 100},
	{"a leak on a walk", 60, 150, under(20, walk(1, .2)), 95, 100},
}

// How often a course is said to grow. The seed is fixed.
func TestGrowthRates(t *testing.T) {
	for _, c := range rates {
		r, hits := rand.New(rand.NewPCG(1, uint64(c.minutes))), 0
		for range c.trials {
			rec, now := lived(c.course(r, c.minutes))
			if rec.Growth(now).Significant {
				hits++
			}
		}
		rate := 100 * float64(hits) / float64(c.trials)
		t.Logf("%-22s %4d min %5.1f %%", c.name, c.minutes, rate)
		if rate < c.least || rate > c.most {
			t.Errorf("%s of %d minutes grows in %.1f %%, want %v to %v", c.name, c.minutes, rate, c.least, c.most)
		}
	}
}

// The slope is that of the leak, whatever a fifth of the minutes were.
func TestGrowthSlope(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(30, 1400).Draw(t, "minutes")
		hourly := rapid.Float64Range(5, 50).Draw(t, "MiB an hour")
		r := rand.New(rand.NewPCG(uint64(n), 1))
		sizes := plus(func(r *rand.Rand, i, _ float64) float64 { return 50*mb + hourly*mb*i/60 })(r, n)
		for range n / 5 {
			sizes[r.IntN(n)] += 40 * mb * r.Float64()
		}
		rec, now := lived(sizes)
		g := rec.Growth(now)
		if math.Abs(g.BytesPerHour/mb-hourly) > .2*hourly {
			t.Fatalf("%v MiB an hour, want %v", g.BytesPerHour/mb, hourly)
		}
		if !g.From.Equal(epoch.Add(warmUp)) || !g.To.Equal(now.Add(time.Minute)) {
			t.Fatalf("from %v to %v", g.From, g.To)
		}
	})
}

// Only the backend that lives is judged.
func TestGrowthOfWhom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	rec, now := lived(leak(20, .1)(r, 100))
	if !rec.Growth(now).Significant {
		t.Fatal("a leak is none")
	}
	for what, g := range map[string]Growth{
		"nothing":           (&Record{}).Growth(now),
		"no longer sampled": rec.Growth(now.Add(2 * staleAfter)),
		"a day later":       rec.Growth(now.Add(25 * time.Hour)),
		"before it began":   rec.Growth(epoch.Add(-time.Hour)),
		"too long ago":      aged(rec, 25*time.Hour).Growth(now),
		"too young":         rec.Growth(epoch.Add(warmUp + 5*time.Minute)),
	} {
		if g != (Growth{}) {
			t.Errorf("%s: %+v", what, g)
		}
	}
	// Another one begins, smaller, and does not grow.
	for i := range 40 {
		m := Minute{At: now.Add(time.Duration(i+1) * time.Minute), Born: now.Add(time.Minute)}
		m.Min[Backend], m.Max[Backend] = 50*MiB, 50*MiB
		rec.Minutes = append(rec.Minutes, m)
	}
	now = now.Add(40 * time.Minute)
	if g := rec.Growth(now); g.Significant || g.BytesPerHour != 0 || !g.From.Equal(now.Add(-29*time.Minute)) {
		t.Errorf("of the next one: %+v", g)
	}
	for i := range rec.Minutes { // by an event alone, too
		rec.Minutes[i].Born = time.Time{}
	}
	rec.Events = append(rec.Events, Event{At: now.Add(-39*time.Minute + time.Second), Kind: "start"})
	if g := rec.Growth(now); g.Significant || g.BytesPerHour != 0 || !g.From.Equal(now.Add(-29*time.Minute)) {
		t.Errorf("of the next one by its event: %+v", g)
	}
}

// A leak that is written second by second is read again.
func TestGrowthWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	w := opened(t, path, standard)
	w.Event(epoch, "start", 0, "")
	now := epoch
	for i := range 5 * 3600 {
		now = epoch.Add(time.Duration(i) * time.Second)
		w.Sample(now, uint64(50*mb+2*mb*float64(i)/3600+float64(i%7)*mb))
		if i%1000 == 0 { // upgrades
			w.Close()
			w = opened(t, path, standard)
			w.Event(now, "adopted", 0, "")
		}
	}
	w.Close()
	g := read(t, path).Growth(now)
	if !g.Significant || math.Abs(g.BytesPerHour/mb-2) > .1 {
		t.Errorf("%+v, want 2 MiB an hour", g)
	}
	if d := g.Reaches(60<<20, 70<<20); d < 290*time.Minute || d > 310*time.Minute {
		t.Errorf("10 MiB take %v", d)
	}
}

// aged is the record with all but its latest five minutes that much earlier.
func aged(r *Record, by time.Duration) *Record {
	old := &Record{Minutes: slices.Clone(r.Minutes)}
	for i := range len(old.Minutes) - 5 {
		old.Minutes[i].At = old.Minutes[i].At.Add(-by)
	}
	return old
}

func TestReaches(t *testing.T) {
	g := Growth{BytesPerHour: 10, Significant: true}
	for _, c := range []struct {
		g           Growth
		size, limit uint64
		want        time.Duration
	}{
		{g, 10, 20, time.Hour}, {g, 20, 20, 0}, {g, 30, 20, 0}, {g, 10, 0, Never},
		{Growth{BytesPerHour: 10}, 10, 20, Never},
		{Growth{BytesPerHour: -10, Significant: true}, 10, 20, Never},
		{Growth{BytesPerHour: 1e-300, Significant: true}, 0, math.MaxUint64, Never},
		{Growth{BytesPerHour: math.NaN(), Significant: true}, 0, 1, Never},
	} {
		if d := c.g.Reaches(c.size, c.limit); d != c.want {
			t.Errorf("%+v from %d to %d: %v, want %v", c.g, c.size, c.limit, d, c.want)
		}
	}
}
