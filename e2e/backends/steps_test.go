package backends

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
)

// drained: a restart with a slow request in flight. The old backend finishes it, the new one serves who came meanwhile.
func (w *trial) drained() error {
	before := w.s.await("up")
	slow, fast, done := make(chan outcome, 1), make(chan outcome, 1), make(chan error, 1)
	go func() { slow <- ask(w.s.urls[0] + "/slow") }()
	w.s.awaitThat("the slow request is taken", func(st status) bool { return st.Queue.Active > 0 })
	old := descendants(before.Backend.PID)
	go func() { _, err := w.s.command("restart-backend"); done <- err }()
	w.s.await("draining")
	go func() { fast <- ask(w.s.urls[1] + "/fast") }()
	o := <-slow
	if o.err == nil && !slices.Contains(old, o.backend) {
		o.err = fmt.Errorf("process %d answered, not the old backend %v", o.backend, old)
	}
	next := <-fast
	if next.err == nil && slices.Contains(old, next.backend) {
		next.err = fmt.Errorf("the old process %d answered", next.backend)
	}
	err := errors.Join(o.err, next.err, <-done)
	if now := w.s.await("up"); now.Backend.PID == before.Backend.PID {
		err = errors.Join(err, fmt.Errorf("process %d is still the backend", now.Backend.PID))
	}
	return err
}

// restarted: three restarts under load, each of them with a slow request in flight, lose nothing.
func (w *trial) restarted() error {
	l := openLoop(w.t, w.s)
	var err error
	for i := range 3 {
		l.reach(w.t, int64(i+1)*50)
		before := w.s.awaitThat("a slow request is taken", func(st status) bool {
			return st.State == "up" && st.Queue.Active > 0 && l.slow.Load() > 0
		})
		_, failure := w.s.command("restart-backend")
		if now := w.s.await("up"); failure == nil && now.Backend.PID == before.Backend.PID {
			failure = fmt.Errorf("process %d is still the backend", now.Backend.PID)
		}
		err = errors.Join(err, failure)
	}
	l.reach(w.t, 200)
	failed, failure := lossless(l)
	w.requests, w.failed = l.sent.Load(), failed
	err = errors.Join(err, failure)
	return err
}

// killed: the leader is killed under load. The next backend serves, nothing of the old one is left, and what failed was in
// flight: no request that was sent after the next one was up.
func (w *trial) killed() error {
	l := openLoop(w.t, w.s)
	l.reach(w.t, 20)
	before := w.s.awaitThat("the backend has work", func(st status) bool { return st.State == "up" && st.Queue.Active > 0 })
	old := descendants(before.Backend.PID)
	flying, sent := l.inFlight.Load(), l.sent.Load()
	p, err := os.FindProcess(before.Backend.PID) // a pidfd
	w.s.must(err)
	if !slices.Contains(w.s.backends(), before.Backend.PID) {
		return fmt.Errorf("process %d is not the backend any more", before.Backend.PID)
	}
	w.s.must(p.Signal(syscall.SIGKILL))
	w.s.awaitThat("another backend is up", func(st status) bool {
		return st.State == "up" && st.Backend.PID != before.Backend.PID
	})
	for _, pid := range old {
		if running(pid) {
			err = errors.Join(err, fmt.Errorf("process %d of %v outlived its leader", pid, old))
		}
	}
	up := l.sent.Load()
	l.reach(w.t, up+30)
	failed := l.stop()
	w.lost, w.lostOf = int64(len(failed)), flying+up-sent
	for _, o := range failed {
		if o.number > up {
			err = errors.Join(err, fmt.Errorf("request %d, sent after %d when it was up again: %w", o.number, up, o.err))
		}
	}
	if w.lost > w.lostOf {
		err = errors.Join(err, fmt.Errorf("%d failed and %d were in flight or came meanwhile", w.lost, w.lostOf))
	}
	return err
}

// adopted: keepone is killed under load and started again. It goes on with the same processes, and can restart them.
func (w *trial) adopted() error {
	before := w.s.await("up")
	l := openLoop(w.t, w.s)
	l.reach(w.t, 20)
	if !w.s.supervisor.end(syscall.SIGKILL, 10*time.Second) {
		w.t.Fatal("keepone survives SIGKILL")
	}
	w.s.startKeepone()
	after := w.s.await("up")
	var err error
	if !after.Backend.Adopted || after.Backend.PID != before.Backend.PID {
		err = fmt.Errorf("process %d before, %d after, adopted: %v", before.Backend.PID, after.Backend.PID, after.Backend.Adopted)
	}
	l.reach(w.t, l.sent.Load()+20)
	_, failure := w.s.command("restart-backend")
	l.reach(w.t, l.sent.Load()+20)
	_, lost := lossless(l)
	err = errors.Join(err, failure, lost)
	if w.s.await("up").Backend.PID == before.Backend.PID {
		err = errors.Join(err, fmt.Errorf("process %d was adopted and not replaced", before.Backend.PID))
	}
	return err
}
