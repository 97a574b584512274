package rss

import "time"

// A Scale weighs one backend after the other. It belongs to one goroutine.
type Scale struct {
	kept
	limits  Limits
	sampler *Sampler
	swapped Swapped
	rollups Rollups

	asked   time.Duration // the backend's age when it was asked what it shares
	refresh time.Duration // and from which it is asked again
	file    int           // where all of it is kept, too; -1 for nowhere
}

// A Weight is a sample of a backend and what follows from it.
type Weight struct {
	RSS  uint64 // bytes resident, shared pages counted once for each process
	Swap uint64 // bytes swapped out
	Verdict
}

// sharedFor is how long it is believed how much of its memory a backend's
// processes share: to ask takes milliseconds. Where it is over a limit by that,
// it is sharedAnew.
const (
	sharedFor  = 30 * time.Second
	sharedAnew = 5 * time.Second
)

// NewScale returns a Scale that has weighed nothing.
func NewScale(l Limits) *Scale {
	return &Scale{sampler: NewSampler(), limits: l, file: -1}
}

// SetLimits replaces the limits, for the next sample on.
func (s *Scale) SetLimits(l Limits) { s.limits = l }

// Limits are those in force.
func (s *Scale) Limits() Limits { return s.limits }

// Peak is the largest RSS in a sample of the backend that was weighed last.
func (s *Scale) Peak() uint64 { return s.peak }

// Weigh takes a sample of a backend with those processes and that age. A
// backend younger than the one before is another.
//
// What is compared with the limits is RSS and swap; where several processes
// would pass one because what they share counts for each, it counts once, and no
// limit is called passed without asking for that.
func (s *Scale) Weigh(pids []int, lived time.Duration) (w Weight) {
	if lived < s.lived {
		s.judge.begin()
		s.peak, s.shared, s.asked, s.refresh = 0, 0, -sharedFor, 0
	}
	w.RSS, w.Swap = s.sampler.Sum(pids), s.swapped.Sum(pids)
	s.lived, s.peak = lived, max(s.peak, w.RSS)
	all := w.RSS + w.Swap
	switch {
	case len(pids) < 2:
		s.shared = 0
	case lived >= s.refresh, lived >= s.asked+s.believed(all):
		s.askShared(pids, all)
	}
	w.Verdict = s.judge.judge(s.limits, all-min(all, s.shared), lived)
	s.keep()
	return w
}

// askShared asks how much of all is counted more than once. Where the kernel
// does not say, nothing is.
func (s *Scale) askShared(pids []int, all uint64) {
	s.shared, s.asked, s.refresh = 0, s.lived, s.lived+sharedFor
	if sum, err := s.rollups.Sum(pids); err == nil {
		s.shared = all - min(all, sum.PSS+sum.Swap)
	}
}

// believed is for how long what was asked holds now. While the backend is
// young, every sample tells the size at which it settles.
func (s *Scale) believed(all uint64) time.Duration {
	switch {
	case s.judge.at < s.limits.MinLife: // the sample that ends its youth included
		return s.limits.Every
	case s.passes(all - min(all, s.shared)):
		return sharedAnew
	}
	return sharedFor
}

// passes says whether so many bytes, shared ones counted for each, are over
// a limit at all.
func (s *Scale) passes(bytes uint64) bool {
	l := s.limits
	return l.Soft > 0 && bytes > l.Soft || l.Hard > 0 && bytes > l.Hard
}
