package supervise

import (
	"context"
	"fmt"
	"strings"
	"time"
)

func (w *world) config() Config {
	c := Config{
		Bind: w.bind, Spawn: w.spawn, Check: w.check, Ready: w.ready, Quiet: w.quiet, Drained: w.drained,
		Weigh:     func([]int, time.Duration) Weight { w.mu.Lock(); defer w.mu.Unlock(); return w.weight },
		LastWords: func() string { return "last words" },
		Event: func(kind Kind, text string) {
			w.do(func() { w.events = append(w.events, string(kind)+": "+text) })
		},
		Starved: func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.starved },
		Changed: w.told,
		Log: func(format string, args ...any) {
			w.do(func() {
				line := fmt.Sprintf(format, args...)
				w.log = append(w.log, line)
				w.law(!strings.HasPrefix(line, "bug"), "%s", line)
			})
		},
		Mend: w.mend, Stuck: w.stuck, Probe: w.probe,
		ProbeEvery: 5 * time.Second, Failing: 2, FailingOf: 3, ExcuseAfter: 15 * time.Second,
		ReadyTimeout: 10 * time.Second,
		DrainTimeout: 30 * time.Second,
		StopTimeout:  5 * time.Second,
		Patience:     3 * time.Second,
		SoftPatience: 3 * time.Second,
		HardDrain:    500 * time.Millisecond,
		BackoffLimit: 20 * time.Second,
		Sample:       time.Second,
	}
	if w.polite {
		c.Excuse = w.excuse
	}
	return c
}

// told is Changed; what it is told must be of one piece.
func (w *world) told(st Status, now, next Socket) {
	w.do(func() {
		w.moves = append(w.moves, st)
		w.law(st.Generation == now.Generation(), "status tells of generation %d, it is %d", st.Generation, now.Generation())
		w.law((next == nil) == (st.Next == 0), "status tells of the next generation %d, it is %v", st.Next, next)
	})
}

func (w *world) bind(generation int) (sock Socket, err error) {
	w.do(func() {
		if err = w.trip("bind"); err == nil {
			w.note("bind %d", generation)
			sock = w.socket(generation)
		}
	})
	return sock, err
}

func (w *world) spawn(s Socket, hold bool) (_ Backend, err error) {
	b := &fakeBackend{w: w, socket: s.(*fakeSocket), exited: make(chan Exit, 1), held: true, later: hold, behaviour: w.holding}
	w.do(func() {
		what := map[bool]string{false: "spawn", true: "hold"}[hold]
		if err = w.trip(what); err != nil {
			return
		}
		w.note("%s %d", what, s.Generation())
		w.law(!b.socket.closed, "generation %d was given to a backend after its close", s.Generation())
		w.backends = append(w.backends, b)
		b.pid = 100 + len(w.backends)
		if len(w.backends) > 1000 { // else a loop that takes no time would hang the test
			w.law(false, "law 7: spawned without end")
			w.usual, w.coming = behaviour{}, nil
		}
	})
	return b, err
}

// check says its verdict when the time is up, or at once when it is cancelled.
func (w *world) check(ctx context.Context) <-chan error {
	c := make(chan error, 2)
	w.do(func() {
		err := w.trip("check")
		if w.checking >= 0 {
			w.after(w.checking, func() { c <- err })
		}
	})
	context.AfterFunc(ctx, func() { c <- ctx.Err() })
	return c
}

func (w *world) ready(ctx context.Context, s Socket, b Backend) error {
	backend := b.(*fakeBackend)
	return w.wait(ctx, "ready", s, backend, func() bool { return backend.serving })
}

func (w *world) quiet(ctx context.Context, s Socket, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	sock := s.(*fakeSocket)
	err := w.wait(ctx, "quiet", s, nil, func() bool { return sock.active == 0 })
	if ctx.Err() == context.DeadlineExceeded {
		return nil
	}
	return err
}

func (w *world) drained(ctx context.Context, s Socket, b Backend) error {
	sock := s.(*fakeSocket)
	backend, _ := b.(*fakeBackend)
	w.do(func() { w.law(backend != nil, "law 7: nothing is drained") })
	return w.wait(ctx, "drained", s, backend, func() bool { return sock.active+sock.pending == 0 })
}

func (w *world) mend(s Socket) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.(*fakeSocket).broken {
		return errInjected
	}
	return nil
}

func (w *world) stuck(Socket, []int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hangs
}

// probe takes a while, like a request.
func (w *world) probe(ctx context.Context, s Socket, b Backend) error {
	var sick error
	w.do(func() { sick = w.sick; s.(*fakeSocket).users++; b.(*fakeBackend).users++ })
	defer w.do(func() { s.(*fakeSocket).users--; b.(*fakeBackend).users-- })
	select {
	case <-time.After(100 * time.Millisecond):
		return sick
	case <-ctx.Done():
		return ctx.Err()
	}
}

// excuse takes who waits; nobody may be taken once a backend runs.
func (w *world) excuse(s Socket) (func(), <-chan struct{}, error) {
	w.do(func() {
		w.note("excuse %d", s.Generation())
		w.excuses++
		w.law(w.running() == nil, "somebody answers beside a backend")
		s.(*fakeSocket).pending = 0
	})
	gone, died := make(chan struct{}), false
	w.excuseDies = func() {
		died = true
		w.excuses--
		close(gone)
	}
	return func() {
		if died {
			return
		}
		w.do(func() { w.excuses--; w.note("no excuse") })
		time.AfterFunc(100*time.Millisecond, func() { close(gone) })
	}, gone, nil
}

// wait is what the three have in common; neither the socket nor the backend
// may be closed meanwhile.
func (w *world) wait(ctx context.Context, what string, s Socket, b *fakeBackend, cond func() bool) (err error) {
	sock := s.(*fakeSocket)
	use := func(n int) {
		sock.users += n
		if b != nil {
			b.users += n
		}
	}
	w.do(func() { err = w.trip(what); use(1) })
	defer w.do(func() { use(-1) })
	if err != nil {
		return err
	}
	return w.await(ctx, cond)
}
