package main

import "time"

// An oldest follows who is connected, to say for how long the one has been who
// came first. It sees as many as it has room for, which is enough: who is not in
// it came later, or there are many.
type oldest struct {
	seen [64]struct {
		peer  uint64 // sockfs inode of the other end
		since time.Time
		still bool
	}
}

// observe takes those who are connected now. It allocates nothing.
func (o *oldest) observe(now time.Time, peers []uint64) {
	for i := range o.seen {
		o.seen[i].still = false
	}
	for _, peer := range peers {
		o.note(now, peer)
	}
	for i := range o.seen {
		if !o.seen[i].still {
			o.seen[i].peer = 0
		}
	}
}

func (o *oldest) note(now time.Time, peer uint64) {
	free := -1
	for i := range o.seen {
		switch o.seen[i].peer {
		case peer:
			o.seen[i].still = true
			return
		case 0:
			free = i
		}
	}
	if free >= 0 {
		o.seen[free].peer, o.seen[free].since, o.seen[free].still = peer, now, true
	}
}

// age is how long the one who came first has been connected; 0 for nobody.
func (o *oldest) age(now time.Time) (longest time.Duration) {
	for i := range o.seen {
		if o.seen[i].peer != 0 {
			longest = max(longest, now.Sub(o.seen[i].since))
		}
	}
	return longest
}
