package history

import (
	"slices"
	"time"
)

// warmUp is how long a backend is given to become as big as it is going to be:
// programs are read in, caches filled. These minutes tell neither growth nor a
// limit.
const warmUp = 10 * time.Minute

// A spell is what was seen of one backend, in the minutes after its warm-up.
type spell []Minute

// spells returns those of the backends in turn; of some nothing is left. The
// minute in which a backend was started belongs to it, and is within its
// warm-up, so that no size of its predecessor is taken for one of its own.
func spells(r *Record) (all []spell) {
	starts := slices.DeleteFunc(slices.Clone(r.Events), func(e Event) bool { return e.Kind != start })
	var first, before Minute
	for _, m := range r.Minutes {
		if m.Max[Backend] == 0 {
			continue
		}
		begins := len(all) == 0 || !m.Born.Equal(before.Born)
		for len(starts) > 0 && starts[0].At.Before(m.At.Add(time.Minute)) {
			begins, starts = true, starts[1:]
		}
		if begins {
			all, first = append(all, nil), m
		}
		if m.At.Sub(first.At) >= warmUp {
			all[len(all)-1] = append(all[len(all)-1], m)
		}
		before = m
	}
	return all
}
