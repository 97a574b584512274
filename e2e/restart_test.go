package e2e

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// restarts is how often the load tests restart the backend.
func restarts() int {
	if testing.Short() {
		return 3
	}
	return 20
}

// TestRestartUnderLoad: planned restarts lose nothing (law 3), two backends never run at a time (law 1, one.sh), and
// every restart is a generation of its own.
func TestRestartUnderLoad(t *testing.T) {
	for _, front := range []string{"lighttpd", "nginx"} {
		for _, name := range []string{"php-cgi", "threaded.py"} {
			t.Run(front+"/"+name, func(t *testing.T) {
				t.Parallel()
				restartUnderLoad(t, front, name, restarts())
			})
		}
	}
}

// TestRestartHTTP: the same for a backend that speaks HTTP.
func TestRestartHTTP(t *testing.T) {
	for _, front := range []string{"lighttpd", "nginx"} {
		t.Run(front, func(t *testing.T) {
			t.Parallel()
			restartUnderLoad(t, front, "web.py", 3)
		})
	}
}

// TestRestartListenFDs: the same for a backend that is given the listening socket as systemd would.
func TestRestartListenFDs(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["backend.handoff"] = "listen-fds"
	restartSite(t, plan{front: "lighttpd", command: command, settings: set}, 3)
}

func restartUnderLoad(t *testing.T, front, name string, times int) {
	t.Helper()
	command, set := backend(t, name)
	restartSite(t, plan{front: front, command: command, settings: set}, times)
}

func restartSite(t *testing.T, p plan, times int) {
	t.Helper()
	need(t, program(p.front))
	p.settings["drain.patience"] = "200ms"
	s := newRunningSite(t, p)
	before := s.await("up")
	l := openLoop(t, s.url, everyday...)
	for range times {
		s.do("restart-backend")
	}
	l.lossless(t)
	after := s.await("up")
	if got := after.Socket.Generation - before.Socket.Generation; got != times {
		t.Errorf("%d generations of the socket for %d restarts", got, times)
	}
	if after.Backend.PID == before.Backend.PID {
		t.Errorf("the backend is still %d", after.Backend.PID)
	}
	if after.Restarts.Last.Reason != "operator" {
		t.Errorf("reason of the last restart: %q", after.Restarts.Last.Reason)
	}
}

// TestStopAndStartUnderLoad: while the backend is stopped by command, requests wait; the next backend serves them.
func TestStopAndStartUnderLoad(t *testing.T) { stopAndStart(t, "") }

func stopAndStart(t *testing.T, at string) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{front: "lighttpd", command: command, at: at, settings: set})
	l := openLoop(t, s.url, everyday...)
	for range 3 {
		s.do("stop-backend")
		s.await("down")
		s.awaitThat("ten requests wait", func(st state) bool { return st.Queue.Pending >= 10 })
		if a := s.keepone("restart-backend", "--timeout", "1s"); a.code == 0 {
			s.await("up") // a restart of a stopped backend may start it; it must not lie about it
			s.do("stop-backend")
		}
		s.do("start-backend")
		s.await("up")
	}
	l.lossless(t)
}

// TestKeepaliveNamed: with upstream keepalive idle connections look busy: the drain runs into its limit, status says
// why, and the command succeeds nevertheless.
func TestKeepaliveNamed(t *testing.T) {
	command, set := backend(t, "threaded.py")
	keepaliveNamed(t, plan{front: "nginx-keepalive", command: command, settings: set})
}

func keepaliveNamed(t *testing.T, p plan) {
	t.Helper()
	t.Parallel()
	need(t, program(p.front))
	p.settings["drain.patience"], p.settings["drain.timeout"] = "200ms", "2s"
	s := newRunningSite(t, p)
	if o := ask(newClient(), s.url, "/fast"); o.err != nil {
		t.Fatal(o.err)
	}
	before := s.awaitThat("nginx keeps its connection", func(st state) bool { return st.Queue.Active > 0 })
	done := make(chan answer, 1)
	go func() { done <- s.keepone("restart-backend") }()
	s.awaitThat("the drain waits for the idle connection", func(st state) bool {
		return st.State == "draining" && st.Queue.Active > 0
	})
	if a := <-done; a.code != 0 {
		t.Errorf("restart-backend ended with %d\n%s", a.code, a.err)
	}
	if text := s.do("status").out; !strings.Contains(text, "keepalive") {
		t.Errorf("status after such a drain does not name keepalive:\n%s", text)
	}
	if after := s.await("up"); after.Backend.PID == before.Backend.PID {
		t.Error("the backend is the same")
	}
	if o := ask(newClient(), s.url, "/fast"); o.err != nil {
		t.Errorf("first request after the restart: %v", o.err)
	}
}

// TestPHPFiveThousand: php-cgi as it is installed ends after 500 requests. Nobody notices.
func TestPHPFiveThousand(t *testing.T) {
	t.Parallel()
	s := newRunningSite(t, plan{front: "lighttpd", command: []string{need(t, "php-cgi")}})
	const requests, concurrency = 5000, 4
	var next atomic.Int64
	failures := make(chan error)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: concurrency}, Timeout: time.Minute}
	for range concurrency {
		go func() {
			for next.Add(1) <= requests {
				if o := ask(client, s.url, "/pid"); o.err != nil {
					failures <- o.err
				}
			}
			failures <- nil
		}()
	}
	failed := 0
	for left := concurrency; left > 0; {
		if err := <-failures; err == nil {
			left--
		} else if failed++; failed <= 10 {
			t.Error(err)
		}
	}
	if failed > 0 {
		t.Errorf("%d of %d requests failed", failed, requests)
	}
	st := s.await("up")
	if st.Restarts.Total < requests/500-1 {
		t.Errorf("only %d restarts in %d requests: php-cgi did not end after 500", st.Restarts.Total, requests)
	}
	if st.Restarts.Last.Reason != "finished" {
		t.Errorf("reason of the last restart: %q", st.Restarts.Last.Reason)
	}
}
