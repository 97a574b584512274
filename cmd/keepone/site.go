package main

import (
	"context"
	"errors"
	"keepone/control"
	"keepone/output"
	"keepone/probe"
	"keepone/process"
	"keepone/record"
	"keepone/single"
	"keepone/socket"
	"keepone/supervise"
	"maps"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"time"
)

// A site is everything that one running keepone holds.
type site struct {
	target
	inForce    atomic.Pointer[view]
	pending    atomic.Pointer[[]string] // what a restart would put in force
	made       map[int]*view            // of each process that was spawned, by pid; the loop's
	runs       atomic.Pointer[string]   // the command line of the backend
	bound      atomic.Pointer[view]     // what the socket was made with
	adoptedAs  string                   // command line of the adopted backend
	adopted    string                   // digest of the configuration that the adopted backend was made with
	socket     *socket.Listener         // the first generation; the loop owns it and what follows
	diag       *socket.Diag             // of the loop
	output     *output.Output
	control    atomic.Pointer[control.Server]
	spawner    *process.Spawner
	gauge      gauge
	rivals     rivals
	searchText atomic.Pointer[searchText] // nil until one was written
	walls      chan struct{}              // says that the memory limits may be others
	nudge      chan struct{}              // to give memory back now
	lines      chan string                // of the log, on their way to stderr
	loop       *supervise.Supervisor
	pidOwn     int // in keepone.pid
	pidKept    int // in backend.pid; 0 for no file
	alerts     alerts
	oldest     oldest
	peers      []uint64                     // of the latest sample; the loop's
	oldestAge  atomic.Int64                 // of who is connected, nanoseconds
	look       *look                        // of the loop, at the backend
	watch      *socket.Watch                // for what is done to the socket; nil where that cannot be had
	watched    *socket.Listener             // by watch; the loop's
	trouble    chan struct{}                // says that something was done to it
	cured      atomic.Pointer[cures]        // so far
	inTheWay   atomic.Pointer[string]       // of the socket, at its path
	pathTold   time.Time                    // when a cure of the path was in the log; the loop's
	inUse      bool                         // that is a live socket of somebody else's; the loop's
	complained string                       // by complainOnce
	notify     atomic.Pointer[probe.Notify] // where the backend says READY=1; nil until that is asked for
	unready    atomic.Pointer[string]       // what a starting backend lacks
	reloading  chan struct{}                // held by the one reload at a time
	takingOver chan struct{}                // held by the one take-over at a time
	caught     chan os.Signal               // from the very beginning
	leaving    context.Context              // done when keepone was told to stop
	leave      func()                       // tells it to
	tenure     tenure                       // what it is to end for
	gaveUp     error                        // why it ended by itself; the loop's
	former     supervise.Legacy             // what a killed keepone left
	turn       atomic.Pointer[record.Turn]  // who has the backend's place; nil for nobody
	takingBack atomic.Bool                  // that turn is over
	lost       uint64                       // bytes of output that could not be written, as far as told
	unwritten  error                        // why the latest state is not on disk
	identified map[int]record.Process       // the processes since the latest spawn

	fixed     bool  // the socket is an init system's: not ours to rename
	stored    []int // generations in the descriptor store; the loop's, as the next
	storedPID int   // of the backend whose pidfd is there

	serveControl func(*control.Server)
	slims        int               // how often it began anew to be smaller
	lightest     uint64            // bytes that were no file's at any look; of the goroutine that looks
	fat          chan struct{}     // says that keepone is too heavy
	seen         *supervise.Status // what the former program knew; nil where another was killed
	program      string            // the path of keepone itself, for an upgrade
	trying       chan struct{}     // held by the one upgrade that is tried out
	upgrading    atomic.Int32      // requests for an upgrade that are under way
	upgrades     int               // in place, so far
	lockFile     *os.File          // one keepone for each run directory
	latest       record.State      // as it was written last; the loop's
	serving      []listener        // what the backend serves, and what the next one will; the loop's
}

// begin finds out what there is, from a former keepone, a former program and an
// init system, and refuses what cannot go on.
func begin(t target, load loader) (*site, *legacy, error) {
	// First of all: a signal must not end us halfway.
	caught := make(chan os.Signal, 4)
	signal.Notify(caught, caughtSignals...)
	inherited, err := inheritedEstate()
	if err != nil {
		return nil, nil, err
	}
	cfg, err := configOf(inherited, t, load)
	if err != nil {
		return nil, nil, err
	}
	passed, err := takeStock(cfg)
	if err != nil {
		return nil, nil, err
	}
	left, err := claim(t, cfg.Single.Adopt, inherited, passed)
	if err != nil {
		return nil, nil, err
	}
	s := &site{
		target: t, program: programPath(), caught: caught,
		nudge: make(chan struct{}, 1), trouble: make(chan struct{}, 1), fat: make(chan struct{}, 1), walls: make(chan struct{}, 1),
		reloading: make(chan struct{}, 1), takingOver: make(chan struct{}, 1), trying: make(chan struct{}, 1), lines: make(chan string, 64),
		identified: map[int]record.Process{}, made: map[int]*view{}, rivals: rivals{news: make(chan struct{}, 1)},
		fixed: passed.given >= 0, stored: slices.Collect(maps.Keys(passed.sockets)),
		lockFile: left.lock, upgrades: left.state.Upgrades,
	}
	s.cured.Store(&cures{})
	if inherited != nil {
		s.cured.Store(&inherited.Cures)
		s.seen, s.slims, s.alerts = &inherited.Seen, inherited.Slims, inherited.Alerts
	}
	s.inForce.Store(s.keepPath(newView(cfg, room(t)), inherited))
	return s, left, nil
}

// clear removes what a clean stop leaves behind in the run directory. After
// anything else it stays: a backend may still live that is known by it. A
// backend.lock that somebody holds stays, too: on a new file the next lock would
// succeed beside it.
func (s *site) clear() {
	s.spawner.Sweep(nil)
	if lock, err := single.Lock(s.backendLock()); err == nil {
		os.Remove(s.backendLock())
		lock.Close()
	}
	if lock, err := single.Lock(s.jobLock()); err == nil { // else a job runs, without us
		os.Remove(s.jobLock())
		lock.Close()
	}
	for _, path := range []string{s.target.output(), s.weight(), s.target.rivals(), s.keeponePID(), s.backendPID(), s.notifySocket(), s.state(), s.lock()} {
		os.Remove(path)
	}
	os.Remove(s.runDir) // stays where somebody keeps something in it
}

// close gives up what open made.
func (s *site) close() error {
	var errs []error
	if server := s.control.Load(); server != nil {
		errs = append(errs, server.Close())
	}
	if s.output != nil {
		s.output.Close()
	}
	if n := s.notify.Load(); n != nil {
		errs = append(errs, n.Close())
	}
	if s.socket != nil && s.loop == nil {
		errs = append(errs, s.socket.Close()) // else the loop has done it
	}
	if s.diag != nil {
		errs = append(errs, s.diag.Close())
	}
	return errors.Join(errs...)
}
