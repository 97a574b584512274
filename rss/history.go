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

// Middle is the median of the latest m, of an even number the larger one: where
// it has settled, whatever one sample says. 0 where there is none.
func (h *History) Middle(m int) uint64 {
	var sorted [maxM]uint64
	n := min(m, h.Len())
	if n == 0 {
		return 0
	}
	for i := range n {
		at := i
		for v := h.back(i); at > 0 && sorted[at-1] > v; at-- {
			sorted[at] = sorted[at-1]
		}
		sorted[at] = h.back(i)
	}
	return sorted[n/2]
}

// back is the latest sample but i.
func (h *History) back(i int) uint64 { return h.ring[(h.n-1-uint64(i))%maxM] }
