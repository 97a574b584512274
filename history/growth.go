package history

import (
	"math"
	"slices"
	"time"
)

// Never is how long something takes that is not going to happen.
const Never = time.Duration(math.MaxInt64)

// A Growth says how the backend grows that lives now.
type Growth struct {
	BytesPerHour float64 // less than 0 where it shrinks, 0 where there is too little to tell
	// Significant is that it grows lastingly. Only then is it worth a word.
	Significant bool
	From, To    time.Time // the time that tells; the zero time for none
}

const (
	leastMinutes = 20  // after the warm-up; fewer tell nothing
	mostPoints   = 120 // each pair of them has a slope
	blocks       = 12  // see lasting
	leastUps     = blocks - 2

	leastChange = 1 << 20 // bytes; less is nobody's trouble
	leastShare  = 0.02    // of the size
	undone      = 1. / 3  // of a growth; a fall by that much is a collector's, which will fall again
	unabated    = 0.7     // of the slope; the latter half of less than that is coming to rest

	day        = 24 * time.Hour
	staleAfter = 10 * time.Minute // then nobody says that the backend still lives
)

// Growth judges the minima of the minutes since the latest backend was started
// and has warmed up, of the last day before now: a request that takes much for a
// moment is in the maxima only.
//
// The slope is Theil's and Sen's, the median of those of all pairs. Whether it
// is significant is not asked of Mann and Kendall: their test counts on samples
// that know nothing of each other, but a process goes on from the size that it
// has. Of random walks without any drift it calls between a quarter and a half
// significant at one in a thousand. See lasting for what is asked instead; that
// calls one in a hundred of them so, and finds a leak that is ten times the noise.
func (r *Record) Growth(now time.Time) Growth {
	r = r.Since(now.Add(-day))
	all := spells(r)
	if len(all) == 0 {
		return Growth{}
	}
	s := slices.DeleteFunc(all[len(all)-1], func(m Minute) bool { return m.At.After(now) })
	if len(s) == 0 || now.Sub(s[len(s)-1].At) > staleAfter {
		return Growth{}
	}
	return grow(s)
}

// Reaches is how long it takes from a size to a limit, both in bytes: 0 where
// it is there already, Never where there is no significant growth or no limit.
func (g Growth) Reaches(size, limit uint64) time.Duration {
	switch {
	case limit == 0:
		return Never
	case size >= limit:
		return 0
	case !g.Significant || !(g.BytesPerHour > 0):
		return Never
	}
	if d := float64(limit-size) / g.BytesPerHour * float64(time.Hour); d < float64(Never) {
		return time.Duration(d)
	}
	return Never
}

// grow judges the minutes of one backend.
func grow(s spell) (g Growth) {
	if len(s) < leastMinutes {
		return g
	}
	g.From, g.To = s[0].At, s[len(s)-1].At.Add(time.Minute)
	points := thin(s, mostPoints)
	slope := slope(points)
	g.BytesPerHour = 60 * slope
	g.Significant = slope > 0 && lasting(thin(s, blocks)) && !abates(points, slope)
	return g
}

// abates says that the latter half grows much less than the whole: a backend
// that still fills its caches, and that has a size it will come to.
func abates(p []dot, whole float64) bool { return slope(p[len(p)/2:]) < unabated*whole }

// lasting says whether a growth goes on all the time. The minutes are parted
// into twelve blocks, each of which has one size, their median; nearly every
// block must be larger than the one before. That is rare without a drift, be
// the sizes noise or a walk. The median rise must make up a change that
// matters, so a few steps, after which it stays as it is, do not; and no fall
// may undo much of it, as a garbage collector's do.
func lasting(b []dot) bool {
	sizes, rises := make([]float64, len(b)), make([]float64, len(b)-1)
	ups, deepest := 0, 0.
	for i := range b {
		sizes[i] = b[i].bytes
		if i == 0 {
			continue
		}
		rise := b[i].bytes - b[i-1].bytes
		rises[i-1] = rise
		deepest = max(deepest, -rise)
		if rise > 0 {
			ups++
		}
	}
	change := median(rises) * float64(len(rises))
	return ups >= leastUps && deepest <= undone*change &&
		change >= leastChange && change >= leastShare*median(sizes)
}

// A dot is a size at a time.
type dot struct{ minutes, bytes float64 }

// thin parts the minutes into n groups of one after the other, or fewer where
// there are not so many, and returns the medians of each.
func thin(s spell, n int) (out []dot) {
	n = min(n, len(s))
	var at, bytes []float64
	for i := range n {
		at, bytes = at[:0], bytes[:0]
		for _, m := range s[i*len(s)/n : (i+1)*len(s)/n] {
			at = append(at, m.At.Sub(s[0].At).Minutes())
			bytes = append(bytes, float64(m.Min[Backend]))
		}
		out = append(out, dot{median(at), median(bytes)})
	}
	return out
}

// slope is Theil's and Sen's, in bytes a minute.
func slope(p []dot) float64 {
	var all []float64
	for i, a := range p {
		for _, b := range p[:i] {
			if a.minutes > b.minutes {
				all = append(all, (a.bytes-b.bytes)/(a.minutes-b.minutes))
			}
		}
	}
	return median(all)
}

// median is 0 of nothing. It sorts what it is given.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
