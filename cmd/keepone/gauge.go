package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"keepone/cgroup"
	"keepone/history"
	"keepone/rss"
	"keepone/supervise"
	"keepone/webserver"
)

const (
	othersEvery = time.Minute      // keepone itself and the web server are weighed
	provedEvery = 10 * time.Second // and sooner, while it is not proved who the web server is and somebody is connected
	savedEvery  = time.Hour        // the history is, on a disk
	stalled     = 5                // so many samples in a row somebody was slowed down at the wall
	waiting     = 50_00            // hundredths of a percent of the time somebody waited for memory
)

// A gauge is everything that measures memory. It belongs to the loop, but for
// wall.
type gauge struct {
	scale   *rss.Scale
	history *history.Writer // nil where it cannot be had
	self    [1]int
	own     rss.Sampler
	servers rss.Sampler
	finder  *webserver.Finder // nil where nobody wants to know
	process string            // what it looks for
	server  atomic.Pointer[serverReport]
	size    uint64    // of the backend at its latest sample, bytes
	others  time.Time // when the others were weighed last
	saved   time.Time
	began   time.Time
	saving  chan struct{} // held by who saves the history

	kills    *cgroup.Kills // nil where the kernel does not count them
	killed   uint64        // by the kernel, at the latest look
	looked   time.Time     // when that was
	rose     time.Time     // when it was seen to rise; zero where that is told, or long ago
	events   *cgroup.Events
	pressure *cgroup.Pressure // both nil without a memory cgroup of our own
	stalls   int              // samples in a row
	walled   uint64           // the hard limit that the wall is for, bytes; 0 for no wall
	judged   bool             // walled was decided on
	wall     atomic.Pointer[wallReport]
}

// A serverReport is the web server: who was seen connected to the socket, or
// else the only one there is.
type serverReport struct {
	Name   string `json:"name"`
	Proved bool   `json:"proved"`
	PIDs   []int  `json:"pids"`
}

// openGauge goes on with what a former keepone noted of a backend that lives,
// and with the history, whoever wrote that.
func (s *site) openGauge(left *legacy) {
	g := &s.gauge
	g.scale, g.self[0], g.began = rss.NewScale(s.memoryLimits()), os.Getpid(), time.Now()
	g.saved, g.saving = g.began, make(chan struct{}, 1)
	g.own, g.servers = *rss.NewSampler(), *rss.NewSampler()
	warn := func(err error) {
		if err != nil {
			s.log("warning: %v", err)
		}
	}
	warn(g.scale.Keep(s.weight(), left.backend >= 0))
	if saved := s.config().Memory.History; filepath.Dir(saved) == stateDir { // any other directory is somebody's to make
		if err := os.MkdirAll(stateDir, 0o755); err != nil {
			warn(fmt.Errorf("cannot make the directory of the history, %s: %w; memory.history names another place", stateDir, err))
		}
	}
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
	g.look() // whom it has killed before is none of ours
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

// weighOthers is for the table of costs. It allocates when the web server is
// another.
func (s *site) weighOthers(now time.Time, backend []int) {
	g := &s.gauge
	if want := s.config().WebServer.Process; want != g.process {
		named := want
		if want == "auto" {
			named = ""
		}
		if g.process, g.finder = want, nil; want != "none" {
			g.finder = webserver.New(named)
		}
		g.server.Store(nil)
	}
	var pids []int
	var proved bool
	if g.finder != nil {
		var name string
		pids, name, proved = g.finder.Find(s.peers, backend)
		if was := g.server.Load(); was == nil || was.Name != name || was.Proved != proved || !slices.Equal(was.PIDs, pids) {
			g.server.Store(&serverReport{name, proved, slices.Clone(pids)})
		}
	}
	own := uint64(0)
	if now.Sub(g.began) >= othersEvery { // until then it has not come to rest
		own = g.own.Sum(g.self[:])
	}
	if g.process == "auto" && !proved { // it may be another site's
		pids = nil
	}
	g.history.Others(now, own, g.servers.Sum(pids))
}

// weigh is one sample of the backend. It allocates nothing.
func (s *site) weigh(pids []int, lived time.Duration) supervise.Weight {
	g, now := &s.gauge, time.Now()
	w := g.scale.Weigh(pids, lived)
	if w.RSS == 0 { // it is dying
		return supervise.Weight{}
	}
	g.size = w.RSS + w.Swap
	g.history.Sample(now, g.size)
	s.lookAtVisitors(now)
	if s.rivals.newcomers.any(now) {
		select {
		case s.rivals.news <- struct{}{}:
		default:
		}
	}
	since, proved := now.Sub(g.others), g.server.Load() != nil && g.server.Load().Proved
	if since >= othersEvery || since >= provedEvery && !proved && len(s.peers) > 0 {
		g.others = now
		s.weighOthers(now, pids)
	}
	if now.Sub(g.saved) >= savedEvery {
		g.saved = now
		s.saveHistory()
	}
	still, old := g.standsStill(), lived >= s.config().Memory.MinLife
	hard := w.Hard || still && old && g.scale.Limits().Hard > 0
	if g.wallFor(s.hardLimit(), old, w.Fits) {
		s.tellWall()
	}
	return supervise.Weight{RSS: w.RSS, Swap: w.Swap, Soft: w.Soft, Hard: hard, Steep: w.Steep, Fits: w.Fits}
}

// event keeps what happened, and tells whoever is to be told.
func (s *site) event(kind supervise.Kind, text string) {
	switch kind {
	case supervise.Begun:
		s.gauge.size = 0
	case supervise.Starved: // perhaps at our own wall: it is gone until another backend has settled
		if s.gauge.walled != 0 {
			s.gauge.walled, s.gauge.judged = 0, true
			s.tellWall()
		}
	}
	s.gauge.history.Event(time.Now(), string(kind), s.gauge.size, text)
	s.alert(kind, text)
}

// closeGauge leaves the history where it outlives a reboot, or where it is.
func (s *site) closeGauge() {
	g := &s.gauge
	select {
	case g.saving <- struct{}{}:
	case <-time.After(lastWait):
		return // a slow disk: what is in the run directory stays
	}
	if err := g.history.Save(s.config().Memory.History); err != nil {
		s.log("warning: %v", err)
	} else {
		os.Remove(s.history())
	}
	g.history.Close()
}

// again puts the files of a removed run directory back.
func (g *gauge) again(t target) error {
	saved := g.history.Save(t.history())
	select {
	case g.saving <- struct{}{}:
		g.history.Close()
		<-g.saving
	default: // somebody reads it: it goes with keepone
	}
	var opened error
	g.history, opened = history.Open(t.history())
	return errors.Join(saved, opened, g.scale.Keep(t.weight(), false))
}

// saveHistory writes what is to outlive a reboot; a disk may take its time.
func (s *site) saveHistory() {
	g, w, path := &s.gauge, s.gauge.history, s.config().Memory.History
	select {
	case g.saving <- struct{}{}:
	default: // for an hour: what a disk
		return
	}
	go func() {
		defer func() { <-g.saving }()
		if err := w.Save(path); err != nil {
			s.log("warning: %v", err)
		}
	}()
}
