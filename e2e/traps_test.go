package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSocketRemoved: whoever removes the socket's file, by hand or with a cleaning job, keeps visitors out for a moment; the
// file is put back, with the same socket and the same backend behind it.
func TestSocketRemoved(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	before := s.await("up")
	held, err := s.connect() // a visitor who waits must not notice
	s.must(err)
	defer held.Close()
	for i := range 20 {
		s.must(os.Remove(s.socket))
		await(t, 10*time.Second, "the file is back", func() bool {
			c, err := s.connect()
			if err == nil {
				c.Close()
			}
			return err == nil
		})
		st := s.awaitThat("it is told", func(st state) bool { return st.Cures.Path > i })
		if st.Backend.PID != before.Backend.PID || st.Socket.Generation != before.Socket.Generation {
			t.Fatalf("%+v", st)
		}
	}
	if o := ask(newClient(), s.url, "/fast"); o.err != nil {
		t.Error(o.err)
	}
}

// TestDirectoryRemoved: with the whole directory gone no name of the socket is left; another generation takes over.
func TestDirectoryRemoved(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	dir, err := os.MkdirTemp("", "ks")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	_, uid := account()
	set["socket.path"] = filepath.Join(dir, "sub", "s.sock")
	s := newSite(t, plan{front: "lighttpd", command: command, settings: set})
	s.must(os.Chmod(dir, 0o755), os.Chown(dir, -1, uid))
	s.socket = filepath.Join(dir, "sub", "s.sock")
	s.startKeepone()
	before := s.await("up")
	s.startWeb()
	slow := make(chan outcome, 1)
	go func() { slow <- ask(newClient(), s.url, "/sleep?ms=1000") }()
	s.awaitThat("the slow one is taken", func(st state) bool { return st.Queue.Active == 1 })
	s.remove(filepath.Join(dir, "sub"))
	st := s.awaitThat("another generation serves", func(st state) bool {
		return st.State == "up" && st.Socket.Generation > before.Socket.Generation
	})
	if o := <-slow; o.err != nil || o.backend != before.Backend.PID {
		t.Errorf("what was in flight: answered by %d, %v", o.backend, o.err)
	}
	if st.Restarts.Last.Reason != "socket" {
		t.Errorf("%+v", st.Restarts)
	}
	if o := ask(newClient(), s.url, "/fast"); o.err != nil {
		t.Error(o.err)
	}
}

// remove removes a directory with everything in it while keepone stands still: else it puts names back faster than they are
// removed one after the other.
func (s *site) remove(dir string) {
	s.t.Helper()
	s.must(s.supervisor.cmd.Process.Signal(syscall.SIGSTOP))
	await(s.t, 5*time.Second, "keepone stands still", func() bool {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", s.supervisor.pid()))
		return !slices.ContainsFunc(threads, func(file string) bool {
			text, err := os.ReadFile(file)
			return err == nil && !strings.Contains(string(text), "State:\tT")
		})
	})
	removed := os.RemoveAll(dir)
	s.must(removed, s.supervisor.cmd.Process.Signal(syscall.SIGCONT))
}

// TestShutDown: a backend that shuts the listening socket down makes it useless for everybody; another generation takes over.
func TestShutDown(t *testing.T) { shutDown(t, "") }

func shutDown(t *testing.T, at string) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{front: "lighttpd", command: command, at: at, settings: set})
	for range 3 {
		before := s.await("up")
		ask(newClient(), s.url, "/shutdown") // its answer may come or not
		st := s.awaitThat("another generation serves", func(st state) bool {
			return st.State == "up" && st.Socket.Generation > before.Socket.Generation
		})
		if r := st.Restarts.Last.Reason; r != "socket" && r != "crashed" { // accept(2) fails there, which may end it first
			t.Errorf("%+v", st.Restarts)
		}
		await(t, 10*time.Second, "it serves", func() bool { return ask(newClient(), s.url, "/fast").err == nil })
	}
}

// TestShrunkenBacklog: a backend that calls listen(2) again, also later, gets the configured backlog all the same.
func TestShrunkenBacklog(t *testing.T) { shrunkenBacklog(t, "") }

func shrunkenBacklog(t *testing.T, at string) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{command: append(command, "listen-10"), at: at, settings: set})
	want := s.await("up").Queue.Backlog
	if want < 100 {
		t.Skipf("net.core.somaxconn allows %d", want)
	}
	s.must(os.WriteFile(s.path("listen"), nil, 0o666))
	c, err := s.connect()
	s.must(err)
	c.Close()
	s.awaitThat("it is cured and told", func(st state) bool { return st.Cures.Backlog > 0 && st.Queue.Backlog == want })
}

// TestInTheWay: what somebody else put at the path is not destroyed, and is named.
func TestInTheWay(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{command: command, settings: set})
	// By rename: keepone would put a path back that is missing for a moment.
	s.must(os.WriteFile(s.socket+".other", []byte("precious"), 0o600), os.Rename(s.socket+".other", s.socket))
	st := s.awaitThat("it is told", func(st state) bool { return strings.Contains(st.InTheWay, s.socket) })
	if text, _ := os.ReadFile(s.socket); string(text) != "precious" {
		t.Errorf("the file says %q", text)
	}
	s.must(os.Remove(s.socket))
	st = s.awaitThat("the socket is back", func(st state) bool { return st.InTheWay == "" })
	c, err := s.connect()
	s.must(err)
	c.Close()
	if st.Restarts.Total != 0 {
		t.Errorf("%+v", st.Restarts)
	}
}

// leftovers are hidden names of sockets beside the public one.
func (s *site) leftovers() []string {
	names, _ := filepath.Glob(filepath.Join(filepath.Dir(s.socket), ".*"))
	return slices.DeleteFunc(names, func(n string) bool { return strings.HasSuffix(n, ".state.new") })
}

// TestNoLeftovers: many generations leave one hidden name, that of the living one.
func TestNoLeftovers(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{command: command, settings: set})
	for range 5 {
		s.do("restart-backend")
		s.killKeepone()
		s.startKeepone()
		s.await("up")
	}
	if left := s.leftovers(); len(left) > 1 {
		t.Errorf("%q", left)
	}
}

// TestRunDirectoryRemoved: with everything gone that keepone keeps, the site serves on, keepone can be asked again, and a
// second one is refused, which harms nobody.
func TestRunDirectoryRemoved(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	before := s.await("up")
	s.remove(s.run)
	if a := s.keepone("run"); a.code == 0 {
		t.Errorf("a second keepone ran:\n%s", a.err)
	}
	st := s.awaitThat("it can be asked, and serves", func(st state) bool { return st.State == "up" })
	if st.Supervisor.PID != before.Supervisor.PID {
		t.Errorf("keepone %d before, %d after", before.Supervisor.PID, st.Supervisor.PID)
	}
	if a := s.keepone("run"); a.code != 1 || !strings.Contains(a.err, itoa(st.Supervisor.PID)) {
		t.Errorf("a second keepone: exit code %d, and stderr should name pid %d:\n%s", a.code, st.Supervisor.PID, a.err)
	}
	s.do("restart-backend")
	now := s.await("up")
	if o := ask(newClient(), s.url, "/fast"); o.err != nil {
		t.Error(o.err)
	}
	s.killKeepone()
	s.startKeepone()
	if st := s.await("up"); st.Backend.PID != now.Backend.PID {
		t.Errorf("backend %d, and %d after an adoption", now.Backend.PID, st.Backend.PID)
	}
}
