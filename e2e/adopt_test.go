package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestAdoption: keepone is killed again and again under load; each next one goes on with the same backend, and a restart
// then loses nothing (laws 1, 2, 5).
func TestAdoption(t *testing.T) {
	for _, name := range []string{"php-cgi", "threaded.py"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command, set := backend(t, name)
			adoption(t, plan{front: "lighttpd", command: command, settings: set})
		})
	}
}

func adoption(t *testing.T, p plan) {
	t.Helper()
	p.settings["drain.patience"] = "200ms"
	s := newRunningSite(t, p)
	knocked := s.knock(t, 5*time.Millisecond)
	l := openLoop(t, s.url, everyday...)
	for range 5 {
		before := s.await("up")
		s.killKeepone()
		s.startKeepone()
		after := s.await("up")
		if after.Backend.PID != before.Backend.PID || after.Restarts.Total != before.Restarts.Total {
			t.Errorf("before: process %d and %d restarts; after: process %d and %d restarts",
				before.Backend.PID, before.Restarts.Total, after.Backend.PID, after.Restarts.Total)
		}
		s.do("restart-backend")
		if st := s.await("up"); st.Backend.PID == after.Backend.PID {
			t.Error("the adopted backend was not replaced")
		}
	}
	l.lossless(t)
	if n, err := knocked(); err != nil {
		t.Errorf("after %d connections: %v", n, err)
	}
}

// killedWhileDraining makes the worst moment: a slow request in the old backend, and requests that wait for the next one.
func killedWhileDraining(t *testing.T, at string) (s *site, old int, slow, waiting chan outcome) {
	command, set := backend(t, "threaded.py")
	set["drain.patience"] = "100ms"
	s = newRunningSite(t, plan{front: "lighttpd", command: command, at: at, settings: set})
	slow, waiting = make(chan outcome, 1), make(chan outcome, 10)
	go func() { slow <- ask(newClient(), s.url, "/sleep?ms=4000") }()
	old = s.awaitThat("the slow request is active", func(st state) bool { return st.Queue.Active == 1 }).Backend.PID
	cli := s.background("restart-backend")
	s.await("draining")
	for range cap(waiting) {
		go func() { waiting <- ask(newClient(), s.url, "/fast") }()
	}
	if st := s.awaitThat("ten requests wait", func(st state) bool { return st.Queue.Pending == cap(waiting) }); st.Queue.Active != 1 {
		t.Errorf("%+v, and one is served", st.Queue)
	}
	s.killKeepone()
	cli.Wait() // it was told nothing
	return s, old, slow, waiting
}

// TestAdoptionWhileDraining: the drain goes on under the next keepone, and everybody is served.
func TestAdoptionWhileDraining(t *testing.T) { adoptionWhileDraining(t, "") }

func adoptionWhileDraining(t *testing.T, at string) {
	t.Parallel()
	s, old, slow, waiting := killedWhileDraining(t, at)
	s.startKeepone()
	if o := <-slow; o.err != nil || o.backend != old {
		t.Errorf("the slow request: answered by %d (old backend %d), %v", o.backend, old, o.err)
	}
	for range cap(waiting) {
		if o := <-waiting; o.err != nil || o.backend == old {
			t.Errorf("a request that waited: answered by %d (old backend %d), %v", o.backend, old, o.err)
		}
	}
	s.await("up")
}

// TestWaitingShim: keepone and then the backend are killed while it drains; who waits is served all the same, for the
// shim still holds their socket.
func TestWaitingShim(t *testing.T) { waitingShim(t, "") }

func waitingShim(t *testing.T, at string) {
	t.Parallel()
	s, old, slow, waiting := killedWhileDraining(t, at)
	s.kill(old)
	<-slow // it was in flight in what was killed
	s.startKeepone()
	for range cap(waiting) {
		if o := <-waiting; o.err != nil {
			t.Errorf("a request that waited: %v", o.err)
		}
	}
	s.await("up")
}

// TestKilledWhileDown: what an operator stopped stays so, whoever dies.
func TestKilledWhileDown(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	s.do("stop-backend")
	s.killKeepone()
	s.startKeepone()
	if st := s.await("down"); st.Backend.PID != 0 {
		t.Errorf("process %d runs", st.Backend.PID)
	}
	s.do("start-backend")
	if o := ask(newClient(), s.url, "/fast"); o.err != nil {
		t.Error(o.err)
	}
}

// TestKilledInBackoff: no process lived, so the next keepone begins anew.
func TestKilledInBackoff(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{command: []string{"sh", "-c", "echo no luck; exit 3"}})
	s.startKeepone()
	s.await("backoff")
	s.killKeepone()
	s.startKeepone()
	if st := s.awaitThat("it fails again", func(st state) bool { return st.State == "backoff" }); !strings.Contains(st.LastWords, "no luck") {
		t.Errorf("last words: %q", st.LastWords)
	}
	c, err := s.connect()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}
