package history

import (
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawn is a record of minutes in which parts are seen, or not.
func drawn(t *rapid.T) *Record {
	r := &Record{}
	for i := range rapid.IntRange(0, 40).Draw(t, "minutes") {
		m := Minute{At: epoch.Add(time.Duration(i) * time.Minute)}
		for p := range Parts {
			m.Min[p] = rapid.Uint64Range(0, 5).Draw(t, "min") * 1024
			if m.Min[p] > 0 {
				m.Max[p] = m.Min[p] + rapid.Uint64Range(0, 5).Draw(t, "more")*1024
			}
		}
		r.Minutes = append(r.Minutes, m)
	}
	return r
}

// share is how many of the sizes are not larger than v.
func share(all []uint64, v uint64) (n int) {
	for _, a := range all {
		if a <= v {
			n++
		}
	}
	return n
}

// is fails where c is not the cost of those minutes: each quantile is a size
// that was seen, enough minutes are not larger, and of the next smaller size
// that is not so.
func is(t *rapid.T, c Cost, low, high []uint64) {
	if len(high) == 0 {
		if c != (Cost{}) {
			t.Fatalf("%+v of nothing", c)
		}
		return
	}
	if c.Minimum != slices.Min(low) || c.Maximum != slices.Max(high) || c.N != len(high) {
		t.Fatalf("%+v of %v and %v", c, low, high)
	}
	for percent, v := range map[int]uint64{50: c.Median, 95: c.P95} {
		if !slices.Contains(high, v) || 100*share(high, v) < percent*len(high) || 100*share(high, v-1) >= percent*len(high) {
			t.Fatalf("%d percent: %d of %v", percent, v, high)
		}
	}
}

func TestCosts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawn(t)
		c := r.Costs()
		for p := range Parts {
			var low, high []uint64
			for _, m := range r.Minutes {
				if m.Max[p] > 0 {
					low, high = append(low, m.Min[p]), append(high, m.Max[p])
				}
			}
			is(t, c.Parts[p], low, high)
		}
		var low, high []uint64
		for i, m := range r.Minutes {
			var least, most uint64
			for p := range Parts {
				s := seenLast(r, i, p)
				least, most = least+s.Min[p], most+s.Max[p]
			}
			if m.Max[Backend] > 0 {
				low, high = append(low, least), append(high, most)
			}
		}
		is(t, c.Sum, low, high)
	})
}

// seenLast is the minute that tells a part's size in the i-th one.
func seenLast(r *Record, i, part int) Minute {
	for k := i; k >= 0; k-- {
		if r.Minutes[k].Max[part] > 0 {
			return r.Minutes[k]
		}
	}
	for _, m := range r.Minutes[i:] {
		if m.Max[part] > 0 {
			return m
		}
	}
	return Minute{}
}

// The plan holds what it must, half of it does not, and nothing overflows.
func TestPlan(t *testing.T) {
	fits := func(plan, need, rest uint64) bool {
		whole := new(big.Rat).SetFrac(new(big.Int).Mul(new(big.Int).SetUint64(need), big.NewInt(5)), big.NewInt(4))
		whole.Add(whole, new(big.Rat).SetInt(new(big.Int).SetUint64(rest)))
		return whole.Cmp(new(big.Rat).SetInt(new(big.Int).SetUint64(plan))) <= 0
	}
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 4096*MiB), rapid.SampledFrom([]uint64{0, 1, 51 * MiB, 64 * MiB, math.MaxUint64}))
		need, rest := size.Draw(t, "need"), size.Draw(t, "rest")
		plan, spare := Plan(need, rest)
		if plan == 0 {
			if fits(1<<63, need, rest) {
				t.Fatal("no plan, where there is one")
			}
			return
		}
		if plan&(plan-1) != 0 || plan < 64*MiB || !fits(plan, need, rest) || plan > 64*MiB && fits(plan/2, need, rest) {
			t.Fatalf("a plan of %d", plan)
		}
		if want := 1 - float64(need+rest)/float64(plan); math.Abs(spare-want) > 1e-9 || spare < 0 {
			t.Fatalf("%v to spare, want %v", spare, want)
		}
	})
	for need, want := range map[uint64]uint64{0: 64, 51: 64, 52: 128, 102: 128, 103: 256, 400: 512, 410: 1024, 3000: 4096} {
		if plan, _ := Plan(need*MiB, 0); plan != want*MiB {
			t.Errorf("%d MiB need %d, want %d", need, plan/MiB, want)
		}
	}
	if plan, _ := Plan(1, 64*MiB-1); plan != 128*MiB {
		t.Errorf("a quarter of a byte too much fits %d", plan)
	}
	if plan, spare := Plan(32*MiB, 24*MiB); plan != 64*MiB || spare != .125 {
		t.Errorf("%d, %v", plan, spare)
	}
}
