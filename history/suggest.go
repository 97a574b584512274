package history

import (
	"math"
	"slices"
	"time"
)

const (
	// leastSettled is how many minutes a limit may be told from.
	leastSettled = 30
	// early is how long a backend that grows is believed: its size later is
	// what the limit is to prevent.
	early = time.Hour
	// grain is what limits are rounded up to: they are read by people.
	grain = 8 * MiB
)

// Suggest returns memory limits in bytes for a backend like those in the
// record, and whether it has seen enough of them. Soft is 1.3 times the size
// that 95 of 100 minutes do not exceed: above the ordinary, so that it is no
// clock for restarts, and low enough to mean a leak. Hard is 1.4 times soft,
// room for the one big request that the soft limit lets end, and more than was
// ever seen of a backend that does not grow: it cuts off requests.
func (r *Record) Suggest() (soft, hard uint64, ok bool) {
	var sizes []uint64
	for _, s := range spells(r) {
		for _, m := range settled(s) {
			sizes = append(sizes, m.Max[Backend])
		}
	}
	if len(sizes) < leastSettled {
		return 0, 0, false
	}
	slices.Sort(sizes)
	p95, most := quantile(sizes, 95), sizes[len(sizes)-1]
	if most > math.MaxUint64/4 {
		return 0, 0, false // no size of this world
	}
	soft = coarse(p95 + p95*3/10)
	hard = coarse(max(soft+soft*4/10, most+most/10))
	return soft, hard, true
}

// settled are the minutes whose sizes are those of a backend as it should be.
func settled(s spell) spell {
	if len(s) == 0 || !grow(s).Significant {
		return s
	}
	end := s[0].At.Add(min(early, s[len(s)-1].At.Sub(s[0].At)/4))
	return slices.DeleteFunc(slices.Clone(s), func(m Minute) bool { return m.At.After(end) })
}

func coarse(bytes uint64) uint64 { return (bytes + grain - 1) / grain * grain }
