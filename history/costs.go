package history

import (
	"math"
	"slices"
)

// A Cost says what a part took in bytes. Minimum is the least that was seen;
// the others are of the largest sizes of N minutes, since that is what has to
// fit.
type Cost struct {
	Minimum, Median, P95, Maximum uint64
	N                             int // minutes in which the part was seen
}

// Costs are those of each part, and of all together.
type Costs struct {
	Parts [Parts]Cost
	// Sum is of the minutes in which a backend was seen. It adds the parts'
	// maxima of one minute, so it is never less than they took together. A
	// part that was not seen in a minute counts as it was seen last.
	Sum Cost
}

// Costs sums the record up.
func (r *Record) Costs() (c Costs) {
	for i := range Parts {
		var low, high []uint64
		for _, m := range r.Minutes {
			if m.Max[i] > 0 {
				low, high = append(low, m.Min[i]), append(high, m.Max[i])
			}
		}
		c.Parts[i] = cost(low, high)
	}
	c.Sum = cost(r.sums())
	return c
}

// sums are the minima and the maxima of all parts together, minute by minute.
func (r *Record) sums() (low, high []uint64) {
	var seen Minute // each part as it was seen last
	for i := range Parts {
		// What comes before the first look at a part counts as that look.
		if n := slices.IndexFunc(r.Minutes, func(m Minute) bool { return m.Max[i] > 0 }); n >= 0 {
			seen.Min[i], seen.Max[i] = r.Minutes[n].Min[i], r.Minutes[n].Max[i]
		}
	}
	for _, m := range r.Minutes {
		var least, most uint64
		for i := range Parts {
			if m.Max[i] > 0 {
				seen.Min[i], seen.Max[i] = m.Min[i], m.Max[i]
			}
			least, most = add(least, seen.Min[i]), add(most, seen.Max[i])
		}
		if m.Max[Backend] > 0 {
			low, high = append(low, least), append(high, most)
		}
	}
	return low, high
}

func cost(low, high []uint64) Cost {
	if len(high) == 0 {
		return Cost{}
	}
	slices.Sort(high)
	return Cost{slices.Min(low), quantile(high, 50), quantile(high, 95), high[len(high)-1], len(high)}
}

// quantile is the smallest of the sorted sizes that at least that many of a
// hundred do not exceed.
func quantile(sorted []uint64, percent int) uint64 {
	return sorted[(len(sorted)*percent+99)/100-1]
}

// Margin is how many times what a site needs a plan must hold: it was not
// looked at for long, and tomorrow is another day.
const Margin = 1.25

// MiB is what plans are counted in. Those who sell them write MB.
const MiB = 1 << 20

const smallestPlan = 64 * MiB

// Plan returns the smallest of 64, 128, 256, 512, 1024 ... MiB that holds a
// need with Margin, and the rest: what the machine takes without the site,
// which has no margin. Spare is the share of the plan, from 0 to 1, that is then
// left. All are in bytes; a plan of 0 is that there is none so large.
func Plan(need, rest uint64) (plan uint64, spare float64) {
	whole := add(add(need, need/4), rest)
	if need%4 != 0 {
		whole = add(whole, 1)
	}
	for plan = smallestPlan; plan < whole; plan *= 2 {
		if plan > math.MaxUint64/2 {
			return 0, 0
		}
	}
	return plan, float64(plan-need-rest) / float64(plan)
}

// add does not wrap.
func add(a, b uint64) uint64 {
	if a+b < a {
		return math.MaxUint64
	}
	return a + b
}
