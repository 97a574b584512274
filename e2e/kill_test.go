package e2e

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// kill sends SIGKILL to a process of the site, by pid after a look whose it is.
func (s *site) kill(pid int) {
	s.t.Helper()
	p, err := os.FindProcess(pid)
	s.must(err)
	for _, ours := range s.processes() {
		if ours == pid {
			s.must(p.Signal(syscall.SIGKILL))
			return
		}
	}
	s.t.Fatalf("process %d is none of the site's", pid)
}

// killKeepone ends keepone as nothing should.
func (s *site) killKeepone() {
	s.t.Helper()
	if !s.supervisor.end(syscall.SIGKILL, 5*time.Second) {
		s.t.Fatal("keepone survives SIGKILL")
	}
}

// TestBackendKilled: when the backend is killed, what it had in flight is lost and nothing else.
func TestBackendKilled(t *testing.T) {
	for _, name := range []string{"php-cgi", "threaded.py"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command, set := backend(t, name)
			backendKilled(t, plan{front: "lighttpd", command: command, settings: set})
		})
	}
}

func backendKilled(t *testing.T, p plan) {
	t.Helper()
	s := newRunningSite(t, p)
	knocked := s.knock(t, 5*time.Millisecond)
	l := openLoop(t, s.url, everyday...)
	mayFail := 0
	for range 5 {
		st := s.awaitThat("the backend has work", func(st state) bool {
			return st.State == "up" && st.Queue.Active > 0
		})
		// What starts between the two looks may be in flight at the kill too.
		before, sent := l.inFlight.Load(), l.sent.Load()
		s.kill(st.Backend.PID)
		mayFail += int(before + l.sent.Load() - sent)
		s.awaitThat("another backend is up", func(now state) bool {
			return now.State == "up" && now.Backend.PID != st.Backend.PID
		})
	}
	if r := l.stop(t); r.failed > mayFail {
		t.Errorf("%d failed, %d were in flight:\n%s", r.failed, mayFail, strings.Join(r.errors, "\n"))
	}
	if n, err := knocked(); err != nil {
		t.Errorf("after %d connections: %v", n, err)
	}
}

// TestKillKeeponeWhileDraining: the worst moment for kill -9 (law 2): the old backend finishes its request, and whoever
// connects meanwhile waits; nobody is refused or reset.
func TestKillKeeponeWhileDraining(t *testing.T) { killKeeponeWhileDraining(t, "") }

func killKeeponeWhileDraining(t *testing.T, at string) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["drain.patience"] = "200ms"
	s := newRunningSite(t, plan{front: "lighttpd", command: command, at: at, settings: set})
	slow := make(chan outcome, 1)
	go func() { slow <- ask(newClient(), s.url, "/sleep?ms=3000") }()
	before := s.awaitThat("the slow request is active", func(st state) bool { return st.Queue.Active == 1 })
	cli := s.background("restart-backend")
	s.await("draining")
	s.killKeepone()
	var waiters []net.Conn
	for range 100 {
		c, err := s.connect()
		if err != nil {
			t.Fatalf("connection %d after the kill: %v", len(waiters), err)
		}
		defer c.Close()
		waiters = append(waiters, c)
		time.Sleep(20 * time.Millisecond)
	}
	if o := <-slow; o.err != nil || o.backend != before.Backend.PID {
		t.Errorf("the slow request: answered by %d (old backend %d), %v", o.backend, before.Backend.PID, o.err)
	}
	stop := s.knock(t, 10*time.Millisecond)
	time.Sleep(time.Second) // what the death of the old drain could break would break now
	if n, err := stop(); err != nil {
		t.Errorf("after %d connections: %v", n, err)
	}
	for i, c := range waiters {
		if !waiting(t, c) {
			t.Fatalf("connection %d no longer waits", i)
		}
	}
	if err := cli.Wait(); err == nil {
		t.Error("restart-backend says it succeeded")
	}
	s.sweep()
}

// background starts a command and does not wait for it.
func (s *site) background(verb string) *exec.Cmd {
	s.t.Helper()
	cmd := exec.Command(keepone, verb, "-c", s.config, "--run-dir", s.run)
	cmd.Env = s.environ()
	s.must(cmd.Start())
	return cmd
}

// TestSecondRun: a second keepone for the same backend is refused and told whose turn it is.
func TestSecondRun(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{command: command, settings: set})
	a := s.keepone("run")
	if a.code != 1 || !strings.Contains(a.err, itoa(s.supervisor.pid())) {
		t.Errorf("exit code %d, and stderr should name pid %d:\n%s", a.code, s.supervisor.pid(), a.err)
	}
	s.await("up")
}

// TestSurvivor: a backend whose keepone was killed, and that cannot be proved to be the recorded one, is refused and named;
// a second backend is never started beside it.
func TestSurvivor(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	old := s.await("up").Backend.PID
	s.killKeepone()
	s.must(os.Truncate(s.run+"/state", 10))
	a := s.keepone("run")
	if a.code != 1 || !strings.Contains(a.err, itoa(old)) || !strings.Contains(a.err, "backend.lock") {
		t.Errorf("exit code %d, and stderr should name pid %d and backend.lock:\n%s", a.code, old, a.err)
	}
	if a := s.keepone("status"); a.code != 1 || !strings.Contains(a.err, itoa(old)) {
		t.Errorf("status: exit code %d, and stderr should name pid %d:\n%s", a.code, old, a.err)
	}
	if o := ask(newClient(), s.url, "/fast"); o.err != nil || o.backend != old {
		t.Errorf("after the second run: answered by %d, backend is %d: %v", o.backend, old, o.err)
	}
	s.kill(old)
	await(t, 5*time.Second, "the survivor is gone", func() bool { return !running(old) })
	s.startKeepone()
	s.await("up")
	if o := ask(newClient(), s.url, "/fast"); o.err != nil {
		t.Error(o.err)
	}
}

// TestLogReaderGone: whoever read keepone's stderr is dead, as after "keepone run 2>&1 | head"; that ends nothing.
func TestLogReaderGone(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newSite(t, plan{command: command, settings: set})
	shell := `exec "$@" 2> >(exec true)`
	p, err := start(s.dir+"/keepone.log", s.environ(), -1, "bash", "-c", shell, "bash", keepone, "run", "-c", s.config, "--run-dir", s.run)
	s.must(err)
	s.supervisor, s.groups = p, append(s.groups, p.pid())
	s.await("up")
	for range 3 {
		s.do("restart-backend")
	}
	if st := s.await("up"); st.Restarts.Total != 3 {
		t.Errorf("%d restarts", st.Restarts.Total)
	}
}
