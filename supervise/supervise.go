package supervise

import (
	"context"
	"sync"
	"time"
)

// A generation is a listening socket and the process that is to serve it.
type generation struct {
	socket  Socket
	backend Backend
}

// A Supervisor owns one backend. All of its fields belong to the goroutine in
// Run; the methods only send.
type Supervisor struct {
	cfg      Config
	requests chan request
	ended    chan struct{} // closed when Run returns

	now       generation        // what serves
	next      generation        // published, and waits for now to empty; zero for none
	status    Status            // all but Queue
	deadline  *time.Timer       // of the state
	sampling  *time.Ticker      // of memory
	quick     bool              // it ticks oftener
	limit     time.Duration     // of the drain that comes next
	behind    int               // of a queue that was left behind: how many were not accepted yet, when last looked at
	silent    bool              // moves are not told: only keepone is another
	small     bool              // it was told that a memory limit is too small
	overAt    time.Time         // when the backend was over a memory limit last
	pressed   bool              // the backend is over the hard limit: it has no time to exit, either
	hasty     bool              // that drain is not waited for: what it cuts off is no news
	watching  <-chan event      // ready or drained, of the state
	unwatch   func()            // ends the goroutine behind watching
	preparing *preparation      // a planned restart that has not begun; nil for none
	waiting   []waiter          // callers to be told
	calmly    []request         // to be served when nothing is under way
	takes     []request         // likewise, when there is no backend
	because   Reason            // of the restart under way
	holdOff   time.Time         // no restart for memory before
	rival     string            // who blocked the latest spawn
	leaving   bool              // Run's context is done
	leaveBy   time.Time         // when SIGKILL comes at the latest; zero for as late as the timeouts say
	since     time.Time         // when the adopted backend got up, where that is known
	wasUp     bool              // the adopted backend was ready already
	replace   Reason            // why the adopted backend is to be replaced; empty when it is not
	stopped   bool              // a former keepone had been told to stop the backend
	lent      bool              // it was stopped for a while only
	pids      []int             // reused by every sample
	loose     sync.WaitGroup    // dismissed shims not yet reaped
	probing   *probe            // a health request under way; nil for none
	health    outcomes          // of the latest probes
	renewAt   time.Time         // no broken socket is replaced before
	unserved  time.Time         // since when no backend is up; zero while one is
	excuses   []excuse          // who answers in the backend's place
	ending    []<-chan struct{} // the ends of those who did
	paused    bool              // the backend stands still, and is about to be told to exit
	lenient   bool              // the deadline was seen too late and has been put off
}

// New returns a Supervisor whose first backend will serve published.
func New(cfg Config, published Socket) *Supervisor {
	s := &Supervisor{
		cfg:      cfg,
		requests: make(chan request),
		ended:    make(chan struct{}),
		now:      generation{socket: published},
		status:   Status{Generation: published.Generation()},
		deadline: time.NewTimer(time.Hour),
		sampling: time.NewTicker(time.Hour),
		limit:    cfg.DrainTimeout,
		unwatch:  func() {},
		unserved: time.Now(),
		pids:     make([]int, 0, 64),
	}
	s.deadline.Stop()
	s.pace()
	return s
}

// Run supervises until ctx is done and the backend is down. Then the public
// path is gone and every socket is closed.
func (s *Supervisor) Run(ctx context.Context) {
	defer close(s.ended)
	s.begin()
	defer s.sampling.Stop()
	done := ctx.Done()
	for !s.leaving || s.status.State != Down {
		s.calm()
		s.take()
		select {
		case <-done:
			done = nil
			s.leave()
		case r := <-s.requests:
			s.serve(r)
		case e := <-exits(s.now.backend):
			s.gone(e)
		case e := <-exits(s.next.backend):
			s.unheld(e)
		case ev := <-s.watching:
			if ev == ready {
				s.sample() // whoever asks next is told what the new backend weighs
			}
			s.step(ev, ev.String())
		case err := <-s.preparing.result():
			s.prepared(err)
		case <-s.deadline.C:
			s.expire()
		case err := <-s.probing.result():
			s.probed(err)
		case <-s.cfg.Trouble:
			s.mend()
		case <-s.sampling.C:
			s.tick()
		case <-s.cfg.Pulse:
			s.cfg.Alive(s.status)
		}
	}
	s.end()
}

// step is the only writer of the state.
func (s *Supervisor) step(ev event, why string) {
	from := s.status.State
	m := moves[from][ev]
	if m.do == impossible {
		s.cfg.Log("bug: event %s in state %s", ev, from)
		return
	}
	if m.to != from {
		s.enter(m.to, why)
	}
	switch m.do {
	case spawn:
		s.spawn()
	case attend:
		if !s.wasUp {
			s.watch(ready, s.cfg.Ready)
		}
	case drain:
		s.hold()
		s.watch(drained, s.cfg.Drained)
	case terminate:
		s.complain(s.now.backend.Terminate())
		s.wake()
	case abort:
		s.because = Hung
		s.event(Hang, why)
		s.complain(s.now.backend.Abort())
	case kill:
		s.complain(s.now.backend.Kill())
		s.rearm(killAgain)
	}
	s.publish()
	s.onward()
}

// onward follows what is up to what comes next, if anything does.
func (s *Supervisor) onward() {
	switch {
	case s.status.State != Up:
	case s.next.socket != nil:
		if s.replace != "" {
			s.replace, s.because = "", s.replace
		}
		s.behind = s.queued()
		s.step(restart, "its queue is served; on to the next generation")
	case s.replace != "":
		why := s.replace
		s.replace = ""
		s.plan(restart, why, Options{NoCheck: true})
	}
}

// enter changes the state, its deadline and its watch, and tells who waited
// for it.
func (s *Supervisor) enter(to State, why string) {
	st := &s.status
	from := st.State
	if !s.silent && !(from == Blocked && to == Starting || to == Blocked && why == s.rival) {
		s.cfg.Log("%s -> %s: %s", from, to, why) // a rival is told once, not every second
	}
	switch to {
	case Blocked:
		if why != s.rival {
			s.event(Rival, why)
		}
		s.rival = why
	case Down:
		s.event(Ended, why)
	case Up:
		if s.rival != "" { // every attempt since was no beginning
			s.event(Begun, "started: the rival is gone")
		}
		s.rival = ""
	}
	st.State, st.Since, st.Why = to, time.Now(), why
	if !sameWait(from, to) {
		s.unwatch()
		s.watching = nil
		s.rearm(s.patience(to))
	}
	if to != Up {
		s.abandon()
		s.endProbe()
	}
	s.serving(to)
	if from != Up || to != Backoff { // a crash before the planned restart is not its outcome
		s.settle(to)
	}
}

// watch lets a goroutine wait for what the state waits for. A result of a
// state that has passed is never read.
func (s *Supervisor) watch(ev event, wait func(context.Context, Socket, Backend) error) {
	ctx, cancel := context.WithCancel(context.Background())
	c, over, now := make(chan event, 1), make(chan struct{}), s.now
	s.watching, s.unwatch = c, func() {
		cancel()
		<-over // the socket may be closed next
	}
	go func() {
		defer close(over)
		switch err := wait(ctx, now.socket, now.backend); {
		case err == nil:
			c <- ev
		case ctx.Err() == nil:
			s.cfg.Log("cannot tell whether the backend is %s, so waiting the full time: %v", ev, err)
		}
	}()
}

// unheld is for a next generation whose shim ended: it has only us.
func (s *Supervisor) unheld(e Exit) {
	s.cfg.Log("the shim that held generation %d ended: %s", s.next.socket.Generation(), e.Text)
	s.next.backend.Close()
	s.next.backend = nil
	s.publish()
}
