package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// deathly returns a site whose backend dies at once until good is called.
func deathly(t *testing.T, changes settings) *site {
	t.Helper()
	command, set := backend(t, "threaded.py")
	s := newSite(t, plan{front: "lighttpd", command: append([]string{"./deaths.sh", "var"}, command...), settings: set})
	for key, value := range changes {
		set[key] = value
	}
	s.configure(set)
	return s
}

func (s *site) deaths() int {
	text, _ := os.ReadFile(s.path("deaths")) // none yet, no file yet
	return bytes.Count(text, []byte("\n"))
}

func (s *site) good() { s.must(os.WriteFile(s.path("good"), nil, 0o644)) }

func (s *site) bad() { s.must(os.Remove(s.path("good"))) }

// TestCrashLoop: 200 deaths in a row (law 7): the socket is there all the time, nothing leaks, and the first good start
// serves those who waited.
func TestCrashLoop(t *testing.T) {
	if testing.Short() {
		t.Skip("200 deaths take half a minute")
	}
	t.Parallel()
	s := deathly(t, settings{"backoff.limit": "100ms"})
	s.startKeepone()
	await(t, 30*time.Second, "the first deaths", func() bool { return s.deaths() >= 5 })
	fewest := s.fewestDescriptors()
	s.startWeb()
	client := newClient()
	answers := make(chan outcome, 5)
	for range cap(answers) {
		go func() { answers <- ask(client, s.url, "/fast") }()
	}
	stop := s.knock(t, 20*time.Millisecond)
	anonymous := func() int { return memory(t, s.supervisor.pid(), "RssAnon") }
	settled := 0 // KiB when the garbage collector has found its pace
	await(t, time.Minute, "200 deaths", func() bool {
		if settled == 0 && s.deaths() >= 100 {
			settled = anonymous()
		}
		if st, ok := s.status(); !ok || st.State != "backoff" && st.State != "starting" {
			t.Fatalf("state %q in a crash loop", st.State)
		}
		return s.deaths() >= 200
	})
	if n := s.fewestDescriptors(); n > fewest {
		t.Errorf("%d descriptors after 200 deaths, %d after five", n, fewest)
	}
	if n := anonymous(); n > settled+1024 {
		t.Errorf("%d KiB after 200 deaths, %d after a hundred", n, settled)
	}
	if st, _ := s.status(); st.Restarts.Last.Reason == "" {
		t.Error("status gives no reason")
	}
	s.good()
	s.await("up")
	if n, err := stop(); err != nil {
		t.Errorf("after %d connections: %v", n, err)
	}
	for range cap(answers) {
		if o := <-answers; o.err != nil {
			t.Errorf("a request that waited: %v", o.err)
		}
	}
}

// fewestDescriptors returns the smallest count of fifty looks, which leaves out what a spawn opens for a moment.
func (s *site) fewestDescriptors() int {
	s.t.Helper()
	fewest := descriptors(s.t, s.supervisor.pid())
	for range 50 {
		time.Sleep(2 * time.Millisecond)
		fewest = min(fewest, descriptors(s.t, s.supervisor.pid()))
	}
	return fewest
}

// TestDiesAtOnce: a restart into a broken backend says so with the backend's last words; the socket stays.
func TestDiesAtOnce(t *testing.T) {
	for _, name := range []string{"at once", "late"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := deathly(t, settings{"backoff.limit": "200ms"})
			if name == "late" {
				s.must(os.WriteFile(s.path("late"), nil, 0o644))
			}
			s.good()
			s.startKeepone()
			s.await("up")
			s.bad()
			a := s.keepone("restart-backend", "--timeout", "20s")
			if a.code != 1 || !bytes.Contains([]byte(a.err), []byte("no module named spam")) {
				t.Errorf("exit code %d, and stderr should carry the last words:\n%s", a.code, a.err)
			}
			c, err := s.connect()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			s.good()
			s.await("up")
		})
	}
}

// stubborn returns a running site with an option of threaded.py.
func stubborn(t *testing.T, option string) *site {
	t.Helper()
	command, set := backend(t, "threaded.py")
	set["stop.timeout"], set["backoff.limit"], set["drain.patience"] = "500ms", "100ms", "100ms"
	return newRunningSite(t, plan{front: "lighttpd", command: append(command, option), settings: set})
}

// TestStubborn: backends that ignore the stop signal or close every descriptor, keepone's lock included, are restarted
// like others; one.sh and the fixture's own lock prove that two never run.
func TestStubborn(t *testing.T) {
	for _, option := range []string{"ignore-sigterm", "close-all"} {
		t.Run(option, func(t *testing.T) {
			t.Parallel()
			s := stubborn(t, option)
			l := openLoop(t, s.url, class{20, "/fast"})
			for range 3 {
				old := s.await("up").Backend.PID
				s.do("restart-backend")
				if running(old) {
					t.Errorf("the old backend %d still runs", old)
				}
			}
			l.lossless(t)
		})
	}
}

// TestOneRequest: a backend that exits 0 after each request loses none.
func TestOneRequest(t *testing.T) {
	t.Parallel()
	s := stubborn(t, "one-request")
	client := newClient()
	for range 10 {
		if o := ask(client, s.url, "/pid"); o.err != nil {
			t.Fatal(o.err)
		}
	}
	s.await("up")
	s.fds = 0 // it is never at rest: the backend takes keepone's question whether it is ready for its one request
}

// TestForksAway: what a backend leaves behind when its leader exits is ended before the next one starts, and status
// says what happened.
func TestForksAway(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["stop.timeout"], set["backoff.limit"] = "500ms", "100ms"
	s := newSite(t, plan{command: append(command, "fork-away"), settings: set})
	s.startKeepone()
	s.awaitThat("it was started three times", func(st state) bool { return st.Restarts.Total >= 3 })
	a := s.keepone("status")
	if !bytes.Contains([]byte(a.out), []byte("foreground")) && !bytes.Contains([]byte(a.out), []byte("fork")) {
		t.Errorf("status does not say that the backend forks away:\n%s", a.out)
	}
	c, err := s.connect()
	if err != nil {
		t.Fatalf("the socket of %s: %v", filepath.Base(s.dir), err)
	}
	c.Close()
}
