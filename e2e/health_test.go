package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadyBy: each way of being ready lets a restart under load lose nothing, and one that is never ready says why.
func TestReadyBy(t *testing.T) {
	for by, c := range map[string]struct {
		command []string
		set     settings
	}{
		"request": {[]string{"threaded.py"}, settings{"probe.path": "/fast"}},
		"notify":  {[]string{"threaded.py", "notify"}, settings{}},
		"settle":  {[]string{"threaded.py"}, settings{"ready.settle": "300ms"}},
		"values":  {nil, settings{}},
	} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			command, set := backend(t, "threaded.py")
			if command = append(command[:1:1], c.command...); c.command == nil {
				command, set = backend(t, "php-cgi")
			}
			for key, value := range c.set {
				set[key] = value
			}
			set["ready.by"], set["drain.patience"] = by, "200ms"
			s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
			l := openLoop(t, s.url, class{20, "/fast"})
			for range 3 {
				s.do("restart-backend")
			}
			before := s.await("up").Backend.PID
			s.do("upgrade") // whoever was up is not asked again
			s.killKeepone()
			s.startKeepone()
			if now := s.await("up").Backend.PID; now != before {
				t.Errorf("backend %d, and %d after an upgrade and an adoption", before, now)
			}
			l.lossless(t)
		})
	}
}

// TestNeverReady: the log says what the probe got.
func TestNeverReady(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["ready.by"], set["ready.timeout"], set["probe.status"] = "request", "2s", "404"
	s := newSite(t, plan{command: command, settings: set})
	s.startKeepone()
	s.awaitThat("it is not ready in time", func(st state) bool { return st.Restarts.Last.Reason == "unhealthy" })
	if log := tail(filepath.Join(s.dir, "keepone.log")); !strings.Contains(log, "not ready: ") || !strings.Contains(log, "200") {
		t.Errorf("the log does not say what the probe got:\n%s", log)
	}
}

// TestUnhealthy: a backend that answers 500 is replaced, and what is in flight at that moment is finished.
func TestUnhealthy(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["health.interval"], set["probe.path"], set["memory.sample"] = "100ms", "/fast", "50ms"
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	first := s.await("up")
	if err := os.WriteFile(s.path("sick"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.awaitThat("it is replaced", func(st state) bool {
		return st.Restarts.Last.Reason == "unhealthy" && st.Backend.PID != first.Backend.PID
	})
	s.must(os.Remove(s.path("sick")))
	s.awaitThat("the next one is well", func(st state) bool { return st.State == "up" && st.Health == "" })
}

// TestBusyIsNotUnhealthy: a backend that takes one request at a time is not restarted because a probe would wait.
func TestBusyIsNotUnhealthy(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["health.interval"], set["probe.path"], set["probe.timeout"], set["memory.sample"] = "50ms", "/fast", "100ms", "20ms"
	s := newRunningSite(t, plan{front: "lighttpd", command: append(command, "one-at-a-time"), settings: set})
	for range 3 {
		if o := ask(newClient(), s.url, "/sleep?ms=1500"); o.err != nil {
			t.Error(o.err)
		}
	}
	if st := s.await("up"); st.Restarts.Total != 0 {
		t.Errorf("%+v", st.Restarts)
	}
}

// TestHung: a backend that takes one request at a time and waits for ever is made to say where, and whoever waited is served
// by the next one.
func TestHung(t *testing.T) { hung(t, "") }

func hung(t *testing.T, at string) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["hang.timeout"], set["memory.sample"] = "2s", "100ms"
	s := newRunningSite(t, plan{front: "lighttpd", command: append(command, "one-at-a-time"), at: at, settings: set})
	first := s.await("up")
	stuck, waiting := make(chan outcome, 1), make(chan outcome, 3)
	go func() { stuck <- ask(newClient(), s.url, "/sleep?ms=600000") }()
	s.awaitThat("it is taken", func(st state) bool { return st.Queue.Active == 1 })
	for range cap(waiting) {
		go func() { waiting <- ask(newClient(), s.url, "/fast") }()
	}
	st := s.awaitThat("it is replaced", func(st state) bool { return st.Restarts.Last.Reason == "hung" })
	for range cap(waiting) {
		if o := <-waiting; o.err != nil || o.backend == first.Backend.PID {
			t.Errorf("a visitor who waited: answered by %d, %v", o.backend, o.err)
		}
	}
	if !strings.Contains(st.LastWords, "respond.py") {
		t.Errorf("the traceback is not among the last words: %q", st.LastWords)
	}
	if log := tail(filepath.Join(s.dir, "keepone.log")); !strings.Contains(log, "hung: process ") {
		t.Errorf("the log does not say where its threads were:\n%s", log)
	}
	<-stuck
}

// TestUnavailable: whoever waits while nothing serves is told so with 503 and Retry-After, and the next backend gets everybody
// who comes after that.
func TestUnavailable(t *testing.T) {
	for _, front := range []string{"lighttpd", "nginx"} {
		t.Run(front, func(t *testing.T) {
			t.Parallel()
			command, set := backend(t, "threaded.py")
			unavailable(t, plan{front: front, command: command, settings: set})
		})
	}
}

func unavailable(t *testing.T, p plan) {
	t.Helper()
	need(t, program(p.front))
	set := p.settings
	set["unavailable.wait"], set["unavailable.retry_after"], set["memory.sample"] = "1s", "77s", "50ms"
	s := newRunningSite(t, p)
	s.do("stop-backend")
	for range 3 {
		response, err := newClient().Post(s.url+"/fast", "text/plain", strings.NewReader(strings.Repeat("x", 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") != "77" || !strings.Contains(string(body), "not available") {
			t.Errorf("%s, Retry-After %q, %q", response.Status, response.Header.Get("Retry-After"), body)
		}
	}
	s.do("start-backend")
	for range 20 {
		if o := ask(newClient(), s.url, "/fast"); o.err != nil {
			t.Error(o.err)
		}
	}
	if st := s.await("up"); st.Excusing {
		t.Error("status says that somebody answers in the backend's place")
	}
}

// TestPageOfOthers: what not everybody may read is not published, and what is no file makes nobody wait.
func TestPageOfOthers(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newSite(t, plan{front: "lighttpd", command: command, settings: set})
	set["unavailable.wait"], set["memory.sample"], set["unavailable.page"] = "1s", "50ms", s.path("page.html")
	s.configure(set)
	s.startKeepone()
	s.await("up")
	s.startWeb()
	s.must(syscall.Mkfifo(s.path("page.html"), 0o644))
	s.do("stop-backend")
	get := func() (int, string) {
		response, err := newClient().Get(s.url + "/fast")
		s.must(err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		s.must(err)
		return response.StatusCode, string(body)
	}
	log := filepath.Join(s.dir, "keepone.log")
	if code, body := get(); code != 503 || !strings.Contains(body, "not available") {
		t.Errorf("with a FIFO for a page: %d, %q", code, body)
	}
	await(t, 10*time.Second, "it is told", func() bool { return strings.Contains(tail(log), "everybody may read") })
	s.do("start-backend")
	s.must(os.Remove(s.path("page.html")), os.WriteFile(s.path("secret"), []byte("secret"), 0o600), os.Symlink(s.path("secret"), s.path("page.html")))
	s.do("stop-backend")
	if code, body := get(); code != 503 || strings.Contains(body, "secret") {
		t.Errorf("with a link to what is not for everybody: %d, %q", code, body)
	}
	s.do("start-backend")
}

// TestReloadToNotify: ready.by may become "notify" while keepone runs.
func TestReloadToNotify(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	set["ready.by"], set["backend.command"] = "notify", append([]string{filepath.Join(s.dir, "one.sh")}, append(command, "notify")...)
	s.configure(set)
	s.do("reload")
	s.fds++ // where the backend says READY=1
	for range 2 {
		s.do("restart-backend")
	}
	if o := ask(newClient(), s.url, "/fast"); o.err != nil {
		t.Error(o.err)
	}
}
