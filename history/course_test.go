package history

import (
	"math"
	"math/rand/v2"
	"time"
)

const mb = float64(MiB)

// lived is the record of a backend that was started at epoch and had those
// sizes in the minutes after its warm-up, and now the time of the last of them.
func lived(sizes []float64) (r *Record, now time.Time) {
	r = &Record{Events: []Event{{At: epoch.Add(time.Second), Kind: "start"}}}
	add := func(bytes float64) {
		now = epoch.Add(time.Duration(len(r.Minutes)) * time.Minute)
		v := Sizes{uint64(max(bytes, 1))}
		r.Minutes = append(r.Minutes, Minute{At: now, Min: v, Max: v, Born: epoch})
	}
	for i := range int(warmUp / time.Minute) {
		add(sizes[0] * float64(i) / 10) // which grows, and tells nothing
	}
	for _, v := range sizes {
		add(v)
	}
	return r, now
}

// A course is how a backend's size goes on, a figure for every minute.
type course func(r *rand.Rand, n int) []float64

// plus makes each minute's size from its number.
func plus(f func(r *rand.Rand, i, n float64) float64) course {
	return func(r *rand.Rand, n int) (out []float64) {
		for i := range n {
			out = append(out, f(r, float64(i), float64(n)))
		}
		return out
	}
}

func noise(r *rand.Rand, mbs float64) float64 { return r.NormFloat64() * mbs * mb }

// walk goes on from its last size.
func walk(keeps, step float64) course {
	return func(r *rand.Rand, n int) (out []float64) {
		for v := 0.; len(out) < n; out = append(out, max(100*mb+v, mb)) {
			v = keeps*v + noise(r, step)
		}
		return out
	}
}

// steps are requests after which it stays larger.
func steps(count int, height float64) course {
	return func(r *rand.Rand, n int) []float64 {
		out := plus(func(r *rand.Rand, _, _ float64) float64 { return 50*mb + noise(r, .1) })(r, n)
		for range count {
			for i := r.IntN(n); i < n; i++ {
				out[i] += height * mb
			}
		}
		return out
	}
}

// teeth are a garbage collector's.
func teeth(period int) course {
	return func(r *rand.Rand, n int) (out []float64) {
		phase := r.IntN(period)
		for i := range n {
			out = append(out, 50*mb+30*mb*float64((i+phase)%period)/float64(period)+noise(r, .1))
		}
		return out
	}
}

// highWater never gives back what the largest request took.
func highWater(r *rand.Rand, n int) (out []float64) {
	for v := 0.; len(out) < n; out = append(out, 50*mb+v) {
		v = max(v, mb*math.Pow(r.Float64(), -.5))
	}
	return out
}

func saturating(tau float64) course {
	return plus(func(r *rand.Rand, i, _ float64) float64 {
		return 50*mb + 20*mb*(1-math.Exp(-i/tau)) + noise(r, .1)
	})
}

// leak grows by that much altogether, in noise.
func leak(total, sd float64) course {
	return plus(func(r *rand.Rand, i, n float64) float64 { return 50*mb + total*mb*i/n + noise(r, sd) })
}

// under is a course with a leak of that much altogether.
func under(total float64, c course) course {
	return func(r *rand.Rand, n int) []float64 {
		out := c(r, n)
		for i := range out {
			out[i] += total * mb * float64(i) / float64(n)
		}
		return out
	}
}

// from is a course whose 50 MiB are that many.
func from(base float64, c course) course {
	return func(r *rand.Rand, n int) []float64 {
		out := c(r, n)
		for i := range out {
			out[i] += (base - 50) * mb
		}
		return out
	}
}
