package rival

import (
	"errors"
	"os"
	"slices"
	"time"
)

// A search is one look at all processes. While it looks, nothing in it changes.
type search struct {
	host
	wanted    Wanted
	ours      command
	known     bool // ours is; else there is no such program
	family    *family
	lock      file
	self      file // keepone's program
	selfPath  string
	own       map[int]bool
	above     map[int]bool // our ancestors
	net       string       // our network namespace
	place     place
	spots     map[uint64]spot
	listeners map[uint64]listener
	tops      map[int]top // known when everybody was looked at
}

// Find looks at every process once and tells the rivals of the backend, by
// ascending pids. Who cannot be looked at is passed over: it is gone, or not
// ours to see. An error says that some may be missing: /proc cannot be read,
// the kernel does not tell who listens, Socket is none, or a process does not
// answer when its command line is read, as one in a file system that hangs;
// who was found is told all the same.
//
// A search takes some milliseconds where there are hundreds of processes. It
// is for processes that end soon: it leaves garbage.
func Find(w Wanted) ([]Rival, error) { return host("").rivals(w) }

func (h host) rivals(w Wanted) ([]Rival, error) {
	pids, err := h.pids()
	if err != nil {
		return nil, err
	}
	s, err := h.prepare(w)
	var looked []int
	for _, pid := range pids {
		if !s.own[pid] && s.suspect(pid) {
			looked = append(looked, pid)
		}
	}
	var seen []*candidate
	silent := each(looked, patience, s.examine, func(c *candidate) {
		if c != nil {
			seen = append(seen, c)
		}
	})
	for _, c := range seen {
		s.judge(c)
	}
	var found []Rival
	tops := s.fold(seen)
	silent = errors.Join(silent, each(tops, patience, s.explain, func(r Rival) { found = append(found, r) }))
	slices.SortFunc(found, func(a, b Rival) int { return a.PID - b.PID })
	return found, errors.Join(err, silent)
}

// prepare learns what does not change from process to process.
func (h host) prepare(w Wanted) (*search, error) {
	self := os.Getpid()
	s := &search{host: h, wanted: w, own: map[int]bool{}, above: map[int]bool{}, listeners: map[uint64]listener{}}
	for _, pid := range w.Own {
		s.own[pid] = true
	}
	if p, ok := h.stat(self); ok {
		for _, above := range h.ancestors(p) {
			s.above[above.pid] = true
		}
	}
	s.selfPath, _ = os.Executable()
	s.self, _ = identify("/proc/self/exe")
	s.net, _ = os.Readlink("/proc/self/ns/net")
	if w.Lock != "" {
		s.lock, _ = identify(w.Lock)
	}
	if s.ours, s.known = h.backend(w); s.known {
		s.family = familyOf(s.ours)
	}
	unixes, err := unixListeners()
	inets, noDiag := inetListeners()
	if noDiag != nil {
		inets = h.tcpListeners(self)
	}
	for _, l := range slices.Concat(unixes, inets) {
		s.listeners[l.inode] = l
	}
	var wrong error
	s.place, s.spots, wrong = h.spots(w.Socket, unixes, inets)
	return s, errors.Join(err, wrong)
}

// patience is how long the first process may take to be looked at that does
// not answer. The next has half of it, and so on: anybody may start many.
const (
	patience      = time.Second
	leastPatience = patience / 64
)
