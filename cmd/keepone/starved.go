package main

import "time"

// look counts whom the kernel has killed for want of memory, and how often it
// has slowed somebody down at a memory.high.
func (g *gauge) look() (slowed bool) {
	if g.events == nil {
		if g.kills != nil {
			killed, _ := g.kills.Look()
			g.count(killed, time.Now())
		}
		return false
	}
	counts, changed := g.events.Look()
	g.count(counts.OOMKill, time.Now())
	old := g.wall.Load()
	if !changed && old != nil {
		return false
	}
	news := wallReport{}
	if old != nil {
		news = *old
	}
	slowed = old != nil && counts.High > old.Slowed
	news.Slowed, news.OOMKill = counts.High, counts.OOMKill
	g.wall.Store(&news)
	return slowed
}

// standsStill says that the unit is above a memory.high that somebody has set,
// where the kernel slows down who allocates and ends nobody, and that most of
// the time somebody waits for memory.
func (g *gauge) standsStill() bool {
	if !g.look() || g.pressure == nil {
		g.stalls = 0
		return false
	}
	g.stalls++
	waited, _ := g.pressure.Look()
	return g.stalls >= stalled && waited >= waiting
}

const (
	// stale is a look so long ago that a count which rose since proves nothing:
	// the host's may be about anybody.
	stale = time.Minute
	// dying is how long a process may take from the kernel's decision to its exit:
	// what it has must be given back first, and a sample may come in between.
	dying = 3 * time.Second
)

// count notes how many the kernel has killed so far.
func (g *gauge) count(killed uint64, now time.Time) {
	if killed > g.killed && !g.looked.IsZero() && now.Sub(g.looked) < stale {
		g.rose = now
	}
	g.killed, g.looked = killed, now
}

// wasKilled says whether the kernel has just killed somebody, and only once.
func (g *gauge) wasKilled(now time.Time) bool {
	lately := !g.rose.IsZero() && now.Sub(g.rose) < dying
	g.rose = time.Time{}
	return lately
}

// starved is asked when a backend was killed: by the kernel? The host's count may
// be about anybody, so there only what rose since the latest sample is believed.
func (s *site) starved() bool {
	if s.gauge.events == nil {
		s.gauge.rose = time.Time{}
	}
	s.gauge.look()
	return s.gauge.wasKilled(time.Now())
}
