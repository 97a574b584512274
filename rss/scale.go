package rss

import "time"

// A Scale weighs one backend after the other. It belongs to one goroutine.
type Scale struct {
	sampler *Sampler
	history *History
	limits  Limits
	lived   time.Duration // at the latest sample
	total   uint64        // samples of this backend
	peak    uint64        // the largest of them, bytes

	file int // where they are kept, too; -1 for nowhere
	word [headWords]uint64
}

// NewScale returns a Scale that remembers n samples.
func NewScale(n int, l Limits) *Scale {
	return &Scale{sampler: NewSampler(), history: NewHistory(n), limits: l, file: -1}
}

// SetLimits replaces the limits, for the next sample on.
func (s *Scale) SetLimits(l Limits) { s.limits = l }

// Peak is the largest sample of the backend that was weighed last, in bytes.
func (s *Scale) Peak() uint64 { return s.peak }

// Weigh takes a sample of a backend with those processes and that age, and
// says whether it is over its limits. A backend younger than the one before is
// another.
func (s *Scale) Weigh(pids []int, lived time.Duration) (bytes uint64, soft, hard bool) {
	if lived < s.lived {
		s.history.Reset()
		s.total, s.peak = 0, 0
	}
	bytes = s.sampler.Sum(pids)
	at := s.history.next
	s.history.Add(bytes)
	s.lived, s.total, s.peak = lived, s.total+1, max(s.peak, bytes)
	s.keep(at, bytes)
	soft, hard = s.limits.Judge(s.history, lived)
	return bytes, soft, hard
}
