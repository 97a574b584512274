package e2e

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tells is an alert command that keeps what it was told in var/told: three lines for each time.
var tells = []string{"/bin/sh", "-c", `printf '%s\n' "$KEEPONE_NAME" "$KEEPONE_EVENT" "$KEEPONE_REASON" >>var/told`}

// told waits until the alert command has run so many times and returns what it was told: name, event and reason each.
func (s *site) told(times int) (all [][3]string) {
	s.t.Helper()
	await(s.t, 30*time.Second, "somebody is told "+itoa(times)+" times", func() bool {
		text, _ := os.ReadFile(s.path("told")) // not there before the first time
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		all = nil
		for ; len(lines) >= 3; lines = lines[3:] {
			all = append(all, [3]string(lines))
		}
		return len(all) >= times
	})
	return all
}

// TestAlert: trouble is told to whoever is to be told, with the name, what happened, and one word for it.
func TestAlert(t *testing.T) {
	t.Parallel()
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: settings{"alert.command": tells}})
	for n := 1; n <= 3; n++ {
		_ = ask(newClient(), s.url, "/crash") // nobody answers
		s.awaitFigures("there is another backend", 30*time.Second, func(f figures) bool { return f.State == "up" && f.Restarts.Total == n })
	}
	told := s.told(1)
	if len(told) != 1 {
		t.Errorf("told %d times within a minute: %q", len(told), told)
	}
	if got := told[0]; got[0] != s.name() || got[2] != "crash" || !strings.Contains(got[1], "SIGKILL") {
		t.Errorf("told: %q", got)
	}
	p := s.past() // soon after the first the others are a loop
	if crashes, again := p.of("crash"), p.of("backoff"); len(crashes) == 0 || len(crashes)+len(again) != 3 {
		t.Errorf("events: %+v", p.Events)
	}
}

// name is that of the site's configuration.
func (s *site) name() string {
	return strings.TrimSuffix(s.config[strings.LastIndexByte(s.config, '/')+1:], ".toml")
}

// TestAlertHung: so is a backend that hangs.
func TestAlertHung(t *testing.T) {
	t.Parallel()
	set := settings{"alert.command": tells, "hang.timeout": "2s", "memory.sample": "100ms"}
	s := newRunningSite(t, plan{front: "lighttpd", command: append(leaker(t, "threaded.py"), "one-at-a-time"), settings: set})
	stuck, waiting := make(chan outcome, 1), make(chan outcome, 1)
	go func() { stuck <- ask(newClient(), s.url, "/sleep?ms=600000") }()
	s.awaitFigures("it is taken", 10*time.Second, func(f figures) bool { return f.Queue.Active == 1 })
	go func() { waiting <- ask(newClient(), s.url, "/fast") }()
	if got := s.told(1)[0]; got[2] != "hung" || got[1] == "" || got[0] != s.name() {
		t.Errorf("told: %q", got)
	}
	if o := <-waiting; o.err != nil {
		t.Error(o.err)
	}
	<-stuck
}

// TestAlertFails: a command that fails, or cannot be run, is a line in the log and nothing else; none is run for what an
// operator asked for.
func TestAlertFails(t *testing.T) {
	t.Parallel()
	set := settings{"alert.command": []string{"/nonexistent/tell-me"}}
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: set})
	_ = ask(newClient(), s.url, "/crash")
	s.awaitFigures("there is another backend", 30*time.Second, func(f figures) bool { return f.State == "up" && f.Restarts.Total == 1 })
	await(t, 10*time.Second, "the log says why nobody was told", func() bool {
		return strings.Contains(tail(s.dir+"/keepone.log"), "alert.command")
	})
	s.reconfigure(set, settings{"alert.command": tells})
	s.do("restart-backend")
	s.get("/fast")
	if text, err := os.ReadFile(s.path("told")); err == nil {
		t.Errorf("told of a restart by command: %s", text)
	}
}

// TestAlertBlocked: so is another interpreter in the backend's place; nobody is started beside it, and who waits is served when
// it is gone.
func TestAlertBlocked(t *testing.T) {
	t.Parallel()
	set := settings{"alert.command": tells}
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: set})
	s.do("stop-backend")
	rival, err := os.OpenFile(s.run+"/backend.lock", os.O_RDWR, 0)
	s.must(err)
	defer rival.Close()
	s.must(syscall.Flock(int(rival.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	cli := s.background("start-backend")
	if got := s.told(1)[0]; got[2] != "blocked" || got[0] != s.name() || !strings.Contains(got[1], itoa(os.Getpid())) {
		t.Errorf("told: %q", got)
	}
	s.awaitFigures("it is blocked", 10*time.Second, func(f figures) bool { return f.State == "blocked" && f.Backend.PID == 0 })
	if a := s.keepone("status", "--nagios"); a.code != 2 {
		t.Errorf("--nagios: exit code %d: %s", a.code, a.out)
	}
	s.must(rival.Close())
	s.awaitFigures("it is up", 30*time.Second, func(f figures) bool { return f.State == "up" })
	_ = cli.Wait() // it may have been told of the rival
	s.get("/fast")
	if n := len(s.past().of("blocked")); n != 1 {
		t.Errorf("%d events of kind blocked", n)
	}
}
