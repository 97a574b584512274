package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// newUpSite is a site of double.py that is up, with a web server.
func newUpSite(t *testing.T, set settings) *site {
	t.Helper()
	s := newDoubleSite(t, "lighttpd", set)
	s.startKeepone()
	s.await("up")
	s.fds = descriptors(t, s.supervisor.pid()) + 1 // what a search reads, from the first on
	s.startWeb()
	return s
}

// TestRivalBeside: who comes while the backend runs is told in the log, in status and to alert.command; a planned restart
// is given up before anything is touched; after a crash nothing is spawned until the rival is gone.
func TestRivalBeside(t *testing.T) {
	t.Parallel()
	s := newUpSite(t, settings{"alert.command": tells})
	before := s.await("up")
	l := openLoop(t, s.url, class{20, "/fast"}, class{2, "/slow"})
	d := s.byHand(s.path("own.sock"))
	r := s.named(d)
	await(t, 20*time.Second, "the log names it", func() bool {
		return strings.Contains(tail(s.dir+"/keepone.log"), fmt.Sprintf("beside the backend: process %d (", d.pid))
	})
	if told := s.told(1)[0]; told[0] != s.name() || told[2] != "rival" || !strings.Contains(told[1], r.End) {
		t.Errorf("told: %q", told)
	}
	if a := s.keepone("restart-backend"); a.code != 1 || !strings.Contains(a.err, d.end) {
		t.Errorf("restart-backend: exit code %d, and stderr should say %q:\n%s", a.code, d.end, a.err)
	}
	after := s.await("up")
	if after.Backend.PID != before.Backend.PID || after.Socket.Generation != before.Socket.Generation {
		t.Errorf("the restart was refused, yet the backend went from %d to %d, the socket from generation %d to %d",
			before.Backend.PID, after.Backend.PID, before.Socket.Generation, after.Socket.Generation)
	}
	l.lossless(t)
	s.kill(before.Backend.PID)
	if st := s.await("blocked"); !strings.Contains(st.Why, itoa(d.pid)) {
		t.Errorf("blocked by process %d, and why is %q", d.pid, st.Why)
	}
	if pids := s.spawned(); len(pids) > 0 {
		t.Errorf("spawned beside the rival: %v", pids)
	}
	waiter := make(chan outcome, 1)
	go func() { waiter <- ask(newClient(), s.url, "/fast") }()
	s.awaitThat("a request waits", func(st state) bool { return st.Queue.Pending >= 1 }) // keepone's own knock may, too
	d.gone()
	up := s.await("up")
	if o := <-waiter; o.err != nil || o.backend != up.Backend.PID {
		t.Errorf("who waited was answered by %d, the backend is %d: %v", o.backend, up.Backend.PID, o.err)
	}
	s.awaitThat("nobody is named", func(st state) bool { return len(st.Rivals) == 0 })
	s.do("restart-backend")
}

// TestRivalAtOurPath: somebody removes the socket's file and listens there himself, beside the backend. He is named, is
// not fought, and the path is ours again when he is gone.
func TestRivalAtOurPath(t *testing.T) {
	t.Parallel()
	s := newUpSite(t, nil)
	ours := s.await("up").Backend.PID
	d := s.byHand(s.socket)
	s.named(d)
	if o := ask(newClient(), s.url, "/fast"); o.err != nil || o.backend != d.pid && o.backend != ours {
		t.Errorf("answered by %d, ours is %d, the rival %d: %v", o.backend, ours, d.pid, o.err)
	}
	if a := s.keepone("start-backend", "--take-over"); a.code != 1 || !running(d.pid) {
		t.Errorf("take-over beside a backend that runs: exit code %d, rival runs: %v\n%s", a.code, running(d.pid), a.err)
	}
	d.gone()
	s.awaitThat("nobody is named", func(st state) bool { return len(st.Rivals) == 0 })
	await(t, 20*time.Second, "our own answers at the path", func() bool {
		o := ask(newClient(), s.url, "/fast")
		return o.err == nil && o.backend == ours
	})
	s.do("restart-backend")
}

// TestRivalAtOurPathKilled: keepone is killed while somebody else is at its path: the next one adopts the backend all the
// same, names him, and has the path again when he is gone.
func TestRivalAtOurPathKilled(t *testing.T) {
	t.Parallel()
	s := newUpSite(t, nil)
	ours := s.await("up").Backend.PID
	d := s.byHand(s.socket)
	s.killKeepone()
	s.startKeepone()
	if st := s.await("up"); st.Backend.PID != ours {
		t.Errorf("the backend was %d, and is %d", ours, st.Backend.PID)
	}
	s.named(d)
	d.gone()
	await(t, 20*time.Second, "our own answers at the path", func() bool {
		o := ask(newClient(), s.url, "/fast")
		return o.err == nil && o.backend == s.await("up").Backend.PID
	})
	s.awaitThat("nobody is named", func(st state) bool { return len(st.Rivals) == 0 })
	s.do("restart-backend")
}
