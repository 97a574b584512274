package supervise

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

var errInjected = errors.New("injected failure")

// A behaviour is what one backend will do from the moment it runs.
type behaviour struct {
	ready    time.Duration // from running to serving; negative is never
	dies     time.Duration // crashes this long after it began to run; 0 is never
	exits    time.Duration // exits with status 0 this long after; 0 is never
	slow     time.Duration // from the stop signal to the exit
	lingers  time.Duration // how long forked descendants outlive it, whatever ends it
	stubborn bool          // ignores the stop signal
	deaf     bool          // says it is ready, accepts nothing
	single   bool          // accepts one at a time
	rival    string        // finds that this one runs, and exits
}

// A world is the kernel, the web server and the public path at once. It
// notes in broken every moment at which a law does not hold.
type world struct {
	mu        sync.Mutex
	changed   chan struct{} // closed at every change
	sockets   []*fakeSocket
	backends  []*fakeBackend
	published *fakeSocket
	leaving   bool // keepone was told to stop
	stays     bool // an init system keeps the socket
	served    int  // connections that got their answer
	journal   []string
	log       []string
	broken    []string
	moves     []Status // every one handed to Changed

	fail       map[string]bool // what fails: bind, spawn, hold, publish, go, check, ready, quiet, drained, queue, kill
	coming     []behaviour     // of the backends to run next, in order
	usual      behaviour       // of those after them
	holding    behaviour       // of shims that wait for the word
	work       time.Duration   // how long a request takes
	checking   time.Duration   // how long the check takes; negative is for ever
	weight     Weight
	hangs      bool   // what is up now
	sick       error  // what a probe gets
	polite     bool   // somebody answers where no backend does
	excuseDies func() // the latest process that answers in the backend's place
	excuses    int    // processes that answer in the backend's place
	starved    bool   // the kernel has killed somebody
	events     []string
}

func newWorld() *world {
	w := &world{changed: make(chan struct{}), fail: map[string]bool{}, work: 10 * time.Millisecond}
	w.published = w.socket(1)
	return w
}

// do changes the world, looks whether the laws still hold and wakes who waits
// for a change.
func (w *world) do(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	running := 0
	for _, b := range w.backends {
		if b.running {
			running++
		}
	}
	w.law(running == 0 || w.excuses == 0, "a backend runs, and somebody answers in its place")
	w.law(running <= 1, "law 1: %d backends run", running)
	if !w.leaving {
		w.law(w.published != nil && !w.published.closed, "law 2: nothing open is at the public path")
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *world) law(holds bool, format string, args ...any) {
	if !holds {
		w.broken = append(w.broken, fmt.Sprintf(format, args...))
	}
}

func (w *world) note(format string, args ...any) {
	w.journal = append(w.journal, fmt.Sprintf(format, args...))
}

func (w *world) after(d time.Duration, change func()) {
	time.AfterFunc(d, func() { w.do(change) })
}

// await returns when cond holds; cond is looked at after every change.
func (w *world) await(ctx context.Context, cond func() bool) error {
	for {
		w.mu.Lock()
		ok, changed := cond(), w.changed
		w.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// trip is the injected failure of what, or nil.
func (w *world) trip(what string) error {
	if w.fail[what] {
		return fmt.Errorf("cannot %s: %w", what, errInjected)
	}
	return nil
}

// running is the one that runs, or nil.
func (w *world) running() *fakeBackend {
	for _, b := range w.backends {
		if b.running {
			return b
		}
	}
	return nil
}

// shim is the one that waits for the word, or nil.
func (w *world) shim() *fakeBackend {
	for _, b := range w.backends {
		if b.held && !b.gone {
			return b
		}
	}
	return nil
}

// connect is n browsers coming to the public path.
func (w *world) connect(n int) {
	w.do(func() {
		if w.law(w.published != nil, "law 2: a connection was refused"); w.published == nil || w.published.broken {
			return
		}
		w.published.pending += n
		w.accept()
	})
}

// accept lets the backend that serves take what waits at its socket.
func (w *world) accept() {
	b := w.running()
	if b == nil || !b.serving || b.deaf || b.still {
		return
	}
	s, n := b.socket, b.socket.pending
	if b.single {
		n = max(0, min(n, 1-b.socket.active))
	}
	s.pending, s.active = s.pending-n, s.active+n
	if n == 0 {
		return
	}
	w.after(w.work, func() {
		if !b.gone {
			s.active -= n
			w.served += n
			if b.single {
				w.accept()
			}
		}
	})
}

// String is for failures of tests.
func (w *world) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := func(lines []string) string { return strings.Join(lines[max(0, len(lines)-40):], "\n  ") }
	broken := slices.Clone(w.broken)
	return fmt.Sprintf("broken: %q\njournal:\n  %s\nlog:\n  %s", broken[:min(5, len(broken))], last(w.journal), last(w.log))
}
