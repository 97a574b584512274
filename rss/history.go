package rss

// A History is the latest samples, maxM at most. The zero value has none.
type History struct {
	ring [maxM]uint64
	n    uint64 // samples so far
}

// Add notes a sample, in bytes, and forgets the oldest when there is no room.
func (h *History) Add(bytes uint64) {
	h.ring[h.n%maxM] = bytes
	h.n++
}

// Reset forgets everything: another backend begins.
func (h *History) Reset() { h.n = 0 }

// Len returns how many samples are kept.
func (h *History) Len() int { return int(min(h.n, maxM)) }

// Over counts the samples above limit among the latest m.
func (h *History) Over(limit uint64, m int) (n int) {
	for i := range min(m, h.Len()) {
		if h.back(i) > limit {
			n++
		}
	}
	return n
}

// Least is the smallest of the latest m; 0 where there is none.
func (h *History) Least(m int) uint64 {
	if h.n == 0 {
		return 0
	}
	least := h.back(0)
	for i := range min(m, h.Len()) {
		least = min(least, h.back(i))
	}
	return least
}

// back is the latest sample but i.
func (h *History) back(i int) uint64 { return h.ring[(h.n-1-uint64(i))%maxM] }
