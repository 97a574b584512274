package rss

import "time"

// A Scale weighs one backend after the other. It belongs to one goroutine.
type Scale struct {
	sampler *Sampler
	history *History
	limits  Limits
	lived   time.Duration // at the latest sample
}

// NewScale returns a Scale that remembers n samples.
func NewScale(n int, l Limits) *Scale {
	return &Scale{sampler: NewSampler(), history: NewHistory(n), limits: l}
}

// SetLimits replaces the limits, for the next sample on.
func (s *Scale) SetLimits(l Limits) { s.limits = l }

// Weigh takes a sample of a backend with those processes and that age, and
// says whether it is over its limits. A backend younger than the one before is
// another.
func (s *Scale) Weigh(pids []int, lived time.Duration) (bytes uint64, soft, hard bool) {
	if lived < s.lived {
		s.history.Reset()
	}
	s.lived = lived
	bytes = s.sampler.Sum(pids)
	s.history.Add(bytes)
	soft, hard = s.limits.Judge(s.history, lived)
	return bytes, soft, hard
}
