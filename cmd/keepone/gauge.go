package main

import (
	"os"
	"sync/atomic"
	"time"

	"keepone/cgroup"
	"keepone/history"
	"keepone/rss"
	"keepone/supervise"
)

const (
	othersEvery = time.Minute // keepone itself and the web server are weighed
	savedEvery  = time.Hour   // the history is, on a disk
	stalled     = 5           // so many samples in a row somebody was slowed down at the wall
	waiting     = 50_00       // hundredths of a percent of the time somebody waited for memory
)

// A gauge is everything that measures memory. It belongs to the loop, but for
// wall.
type gauge struct {
	scale   *rss.Scale
	history *history.Writer // nil where it cannot be had
	self    [1]int
	own     *rss.Sampler
	size    uint64    // of the backend at its latest sample, bytes
	others  time.Time // when the others were weighed last
	saved   time.Time
	saving  atomic.Bool

	kills    *cgroup.Kills // nil where the kernel does not count them
	killed   uint64        // of kills, at the latest look
	events   *cgroup.Events
	pressure *cgroup.Pressure // both nil without a memory cgroup of our own
	stalls   int              // samples in a row
	wall     atomic.Pointer[wallReport]
}

// A wallReport is what happens at the memory cgroup of the unit.
type wallReport struct {
	High    uint64 `json:"high_bytes,omitempty"` // above this whoever allocates is slowed down
	Max     uint64 `json:"max_bytes,omitempty"`  // above this the kernel kills
	Slowed  uint64 `json:"slowed_total"`
	OOMKill uint64 `json:"oom_kills_total"`
}

// openGauge goes on with what a former keepone noted of a backend that lives,
// and with the history, whoever wrote that.
func (s *site) openGauge(left *legacy) {
	g := &s.gauge
	g.scale, g.own, g.self[0], g.saved = rss.NewScale(s.memoryLimits()), rss.NewSampler(), os.Getpid(), time.Now()
	warn := func(err error) {
		if err != nil {
			s.log("warning: %v", err)
		}
	}
	warn(g.scale.Keep(s.weight(), left.backend >= 0))
	warn(history.Restore(s.config().Memory.History, s.history()))
	var err error
	g.history, err = history.Open(s.history())
	warn(err)
	g.kills, _ = cgroup.OOMKills() // an old kernel does not tell
	if group, err := cgroup.Own(); err == nil && group.Unit != "" {
		g.events, err = group.Watch()
		warn(err)
		g.pressure, _ = group.Pressure() // many a kernel does not
	}
	s.starved() // whom it has killed before is none of ours
}

// lookAtVisitors follows who is connected to what the backend serves.
func (s *site) lookAtVisitors(now time.Time) {
	s.peers = s.peers[:0]
	for _, l := range s.serving {
		s.peers, _ = s.diag.Peers(l.Listener, s.peers) // who is not told of is not counted
	}
	s.oldest.observe(now, s.peers)
	age := int64(s.oldest.age(now))
	s.oldestAge.Store(age)
}

// weighOthers is for the table of costs.
func (s *site) weighOthers(now time.Time, backend []int) {
	g := &s.gauge
	g.history.Others(now, g.own.Sum(g.self[:]), 0)
}

// weigh is one sample of the backend. It allocates nothing.
func (s *site) weigh(pids []int, lived time.Duration) supervise.Weight {
	g, now := &s.gauge, time.Now()
	w := g.scale.Weigh(pids, lived)
	g.size = w.RSS + w.Swap
	g.history.Sample(now, g.size)
	s.lookAtVisitors(now)
	if now.Sub(g.others) >= othersEvery {
		g.others = now
		s.weighOthers(now, pids)
	}
	if now.Sub(g.saved) >= savedEvery {
		g.saved = now
		s.saveHistory()
	}
	hard := w.Hard || g.atWall() && lived >= s.config().Memory.MinLife
	return supervise.Weight{RSS: w.RSS, Swap: w.Swap, Soft: w.Soft, Hard: hard, Steep: w.Steep, Fits: w.Fits}
}

// atWall says that the backend stands still for want of memory: the unit is
// above memory.high, where the kernel slows down who allocates and ends nobody,
// and most of the time somebody waited for memory.
func (g *gauge) atWall() bool {
	if g.events == nil {
		return false
	}
	counts, changed := g.events.Look()
	if old := g.wall.Load(); changed && old != nil {
		news := *old
		news.Slowed, news.OOMKill = counts.High, counts.OOMKill
		g.wall.Store(&news)
	}
	if g.pressure == nil || !changed {
		g.stalls = 0
		return false
	}
	g.stalls++
	waited, _ := g.pressure.Look()
	return g.stalls >= stalled && waited >= waiting
}

// starved is asked when a backend was killed: by the kernel?
func (s *site) starved() bool {
	g := &s.gauge
	before := g.killed
	switch {
	case g.events != nil:
		counts, _ := g.events.Look()
		g.killed = counts.OOMKill
	case g.kills != nil:
		g.killed, _ = g.kills.Look()
	}
	return g.killed > before
}

// event keeps what happened, and tells whoever is to be told.
func (s *site) event(kind supervise.Kind, text string) {
	s.gauge.history.Event(time.Now(), string(kind), s.gauge.size, text)
	s.alert(kind, text)
}

// closeGauge leaves the history where it outlives a reboot.
func (s *site) closeGauge() {
	g := &s.gauge
	if err := g.history.Save(s.config().Memory.History); err != nil {
		s.log("warning: %v", err)
	}
	g.history.Close()
}

// saveHistory writes what is to outlive a reboot; a disk may take its time.
func (s *site) saveHistory() {
	g, path := &s.gauge, s.config().Memory.History
	if g.saving.Swap(true) {
		return
	}
	go func() {
		defer g.saving.Store(false)
		if err := g.history.Save(path); err != nil {
			s.log("warning: %v", err)
		}
	}()
}
