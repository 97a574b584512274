package rss

// A History is the latest samples, of a fixed number. The zero value keeps
// none; NewHistory makes one.
type History struct {
	ring []uint64
	next int // where the next sample goes
	full bool
}

// NewHistory returns a History of n samples.
func NewHistory(n int) *History { return &History{ring: make([]uint64, n)} }

// Add notes a sample, in bytes, and forgets the oldest when there is no room.
func (h *History) Add(bytes uint64) {
	if len(h.ring) == 0 {
		return
	}
	h.ring[h.next] = bytes
	h.next++
	if h.next == len(h.ring) {
		h.next, h.full = 0, true
	}
}

// Reset forgets everything: another backend begins.
func (h *History) Reset() { h.next, h.full = 0, false }

// Len returns how many samples are kept.
func (h *History) Len() int {
	if h.full {
		return len(h.ring)
	}
	return h.next
}

// Over counts the samples above limit among the latest m.
func (h *History) Over(limit uint64, m int) (n int) {
	for i := 1; i <= min(m, h.Len()); i++ {
		if h.ring[(h.next-i+len(h.ring))%len(h.ring)] > limit {
			n++
		}
	}
	return n
}
