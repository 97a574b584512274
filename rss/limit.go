package rss

import "time"

// Limits say when a backend is too big. A soft limit counts when it is passed
// by N of the latest M samples, so that one big request is no leak; the hard
// one counts at once. Neither does before the backend has lived for MinLife: a
// limit that is too small must not become a restart loop.
type Limits struct {
	Soft, Hard uint64 // bytes; 0 for none
	N, M       int
	MinLife    time.Duration
}

// Judge says which limits the history of a backend of that age has passed.
func (l Limits) Judge(h *History, lived time.Duration) (soft, hard bool) {
	if lived < l.MinLife {
		return false, false
	}
	soft = l.Soft > 0 && h.Over(l.Soft, l.M) >= l.N
	hard = l.Hard > 0 && h.Over(l.Hard, 1) == 1
	return soft, hard
}
