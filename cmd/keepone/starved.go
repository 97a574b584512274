package main

import "time"

// look counts whom the kernel has killed for want of memory, and how often it
// has slowed somebody down at a memory.high.
func (g *gauge) look() (slowed bool) {
	g.looked = time.Now()
	if g.events == nil {
		if g.kills != nil {
			g.killed, _ = g.kills.Look()
		}
		return false
	}
	counts, changed := g.events.Look()
	g.killed = counts.OOMKill
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

// stale is a look so long ago that a count which rose since proves nothing:
// the host's may be about anybody.
const stale = time.Minute

// starved is asked when a backend was killed: by the kernel, since the latest
// sample?
func (s *site) starved() bool {
	g := &s.gauge
	before, then := g.killed, g.looked
	g.look()
	return g.killed > before && time.Since(then) < stale
}
