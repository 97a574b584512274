package history

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The limits lie above what an ordinary backend takes and not far above.
func TestSuggest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 600).Draw(t, "minutes")
		size := rapid.Float64Range(1, 4000).Draw(t, "MiB")
		r := rand.New(rand.NewPCG(uint64(n), 7))
		sizes := plus(func(r *rand.Rand, _, _ float64) float64 { return size * mb * (1 + .1*r.Float64()) })(r, n)
		if n > 40 {
			sizes[n/2] *= 3 // one big request
		}
		rec, _ := lived(sizes)
		soft, hard, ok := rec.Suggest()
		if ok != (n >= leastSettled) {
			t.Fatalf("after %d minutes: %v", n, ok)
		}
		if !ok {
			return
		}
		slices.Sort(sizes)
		p95, most := sizes[(n*95+99)/100-1], sizes[n-1]
		if s := float64(soft); soft%(8*MiB) != 0 || s < 1.3*p95-1 || s > 1.3*p95+8*mb+1 {
			t.Fatalf("soft %d of %v", soft, p95)
		}
		if h := float64(hard); hard%(8*MiB) != 0 || h < 1.4*float64(soft)-1 || h < most || h > max(1.4*float64(soft), 1.1*most)+8*mb+1 {
			t.Fatalf("hard %d over soft %d and %v", hard, soft, most)
		}
	})
}

// Of one that leaks, the size that it begins with counts, be it one backend or
// several in turn.
func TestSuggestForALeak(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	rec := &Record{}
	var at time.Duration
	for range 3 {
		one, _ := lived(leak(200, .5)(r, 300))
		for _, m := range one.Minutes {
			m.At, m.Born = m.At.Add(at), m.Born.Add(at)
			rec.Minutes = append(rec.Minutes, m)
		}
		at += 400 * time.Minute
		soft, hard, ok := rec.Suggest()
		// 50 MiB, and 40 more after the hour that is believed
		if !ok || soft < 65*MiB || soft > 130*MiB || hard < soft*14/10 || hard > 200*MiB {
			t.Errorf("soft %d, hard %d MiB, %v", soft/MiB, hard/MiB, ok)
		}
	}
}

func TestSuggestNothing(t *testing.T) {
	if soft, hard, ok := (&Record{}).Suggest(); soft != 0 || hard != 0 || ok {
		t.Error("limits from nothing")
	}
	rec, _ := lived(make([]float64, 100))
	for i := range rec.Minutes {
		rec.Minutes[i].Max[Backend] = math.MaxUint64
	}
	if soft, hard, ok := rec.Suggest(); ok {
		t.Errorf("%d and %d", soft, hard)
	}
}

// A backend's spell begins after its warm-up, and never with a minute of the
// one before.
func TestSpells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec, births, at := &Record{}, []time.Time(nil), epoch
		for range rapid.IntRange(0, 5).Draw(t, "backends") {
			births = append(births, at)
			if rapid.Bool().Draw(t, "told") {
				rec.Events = append(rec.Events, Event{At: at.Add(30 * time.Second), Kind: "start"})
			}
			for range rapid.IntRange(1, 30).Draw(t, "minutes") {
				m := Minute{At: at, Born: births[len(births)-1]}
				if !rapid.Bool().Draw(t, "gap") {
					m.Max[Backend] = 1
				}
				rec.Minutes = append(rec.Minutes, m)
				at = at.Add(time.Minute)
			}
		}
		n := 0
		for _, s := range spells(rec) {
			for _, m := range s {
				n++
				if !m.Born.Equal(s[0].Born) || m.At.Sub(m.Born) < warmUp || m.Max[Backend] == 0 {
					t.Fatalf("%v is in the spell of %v", m, s[0].Born)
				}
			}
		}
		want := 0
		for _, b := range births {
			want += warm(rec, b)
		}
		if n != want {
			t.Fatalf("%d minutes, want %d", n, want)
		}
	})
}

// warm counts the minutes of a backend after its warm-up.
func warm(rec *Record, born time.Time) (n int) {
	first := time.Time{}
	for _, m := range rec.Minutes {
		if !m.Born.Equal(born) || m.Max[Backend] == 0 {
			continue
		}
		if first.IsZero() {
			first = m.At
		}
		if m.At.Sub(first) >= warmUp {
			n++
		}
	}
	return n
}
