package e2e

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPast: the history goes on over a keepone that is killed, an upgrade, and a stop with a new start; what happened is in
// order, once each.
func TestPast(t *testing.T) {
	t.Parallel()
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: settings{"memory.sample": "100ms"}})
	s.samples(20)
	first := s.past()
	if len(first.Seconds) == 0 || len(first.Minutes) == 0 || first.Minutes[0].Parts["backend"][1] == 0 {
		t.Fatalf("%+v", first)
	}
	goesOn := func(when string, kinds ...string) {
		t.Helper()
		s.samples(3)
		s.goesOn(first, when, kinds)
	}
	s.do("restart-backend")
	goesOn("a restart", "start", "start")
	s.killKeepone()
	s.startKeepone()
	s.await("up")
	goesOn("adoption", "start", "start", "adopted")
	s.do("upgrade")
	s.await("up")
	goesOn("an upgrade", "start", "start", "adopted") // it befell keepone, not the backend
	_ = ask(newClient(), s.url, "/crash")
	s.awaitFigures("there is another backend", 30*time.Second, func(f figures) bool { return f.State == "up" && f.Restarts.Total == 2 })
	goesOn("a crash", "start", "start", "adopted", "crash", "start")
	s.stopKeepone()
	if _, err := os.Stat(filepath.Join(s.run, "history")); err == nil {
		t.Error("a clean stop leaves a history in the run directory")
	}
	if p := s.past(); !p.Seconds[0].At.Equal(first.Seconds[0].At) || p.Events[len(p.Events)-1].Kind != "stop" {
		t.Errorf("while nothing runs: %+v", p.Events)
	}
	s.startKeepone()
	s.await("up")
	goesOn("a new start", "start", "start", "adopted", "crash", "start", "stop", "start")
}

// goesOn demands that the history still begins where it did, and has those kinds of events, in order.
func (s *site) goesOn(first past, when string, kinds []string) {
	s.t.Helper()
	p := s.past()
	if !p.Seconds[0].At.Equal(first.Seconds[0].At) || !p.Minutes[0].At.Equal(first.Minutes[0].At) {
		s.t.Errorf("%s: it begins at %v, and before at %v", when, p.Seconds[0].At, first.Seconds[0].At)
	}
	var got []string
	for _, e := range p.Events {
		got = append(got, e.Kind)
	}
	if !slices.Equal(got, kinds) {
		s.t.Errorf("%s: events %q, want %q", when, got, kinds)
	}
	if !slices.IsSortedFunc(p.Events, func(a, b happening) int { return a.At.Compare(b.At) }) {
		s.t.Errorf("%s: not in order: %+v", when, p.Events)
	}
}

// TestPastFormats: --json, --csv and what is for people say the same.
func TestPastFormats(t *testing.T) {
	t.Parallel()
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: settings{"memory.sample": "100ms"}})
	s.samples(20)
	s.do("restart-backend")
	p := s.past()
	rows, err := csv.NewReader(strings.NewReader(s.do("history", "--csv").out)).ReadAll()
	s.must(err)
	want := []string{"time", "backend_min_bytes", "backend_max_bytes", "keepone_min_bytes", "keepone_max_bytes", "web_server_min_bytes", "web_server_max_bytes"}
	if !slices.Equal(rows[0], want) || len(rows) < 2 {
		t.Fatalf("%q", rows)
	}
	at, err := time.Parse(time.RFC3339, rows[1][0])
	s.must(err)
	least, err := strconv.ParseInt(rows[1][1], 10, 64)
	s.must(err)
	if !at.Equal(p.Minutes[0].At) || least > p.Minutes[0].Parts["backend"][1] || least == 0 {
		t.Errorf("CSV has %q, JSON %+v", rows[1], p.Minutes[0])
	}
	text := s.do("history").out
	for _, part := range []string{"web server", "start: started", "start: operator"} {
		if !strings.Contains(text, part) {
			t.Errorf("history does not say %q:\n%s", part, text)
		}
	}
	if a := s.keepone("history", "--json", "--csv"); a.code != 2 {
		t.Errorf("--json --csv: exit code %d", a.code)
	}
	if a := s.keepone("history", "--since", "0s"); a.code != 2 || !strings.Contains(a.err, "30m") {
		t.Errorf("--since 0s: exit code %d\n%s", a.code, a.err)
	}
}

// TestPastOfStrangers: an ordinary user may look back, too, while keepone runs.
func TestPastOfStrangers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be another user")
	}
	t.Parallel()
	s := newRunningSite(t, plan{command: leaker(t, "threaded.py"), settings: settings{"memory.sample": "100ms", "control.read": []string{}}})
	s.samples(20)
	for _, verb := range []string{"history", "report", "graph"} {
		p, err := start(s.path(verb), s.environ(), nobody, keepone, verb, "-c", s.config, "--run-dir", s.run)
		s.must(err)
		await(t, 30*time.Second, verb+" has ended", func() bool { return !p.alive() })
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%s as nobody: exit code %d\n%s", verb, code, tail(p.log))
		}
	}
}

// TestPastDamaged: whatever somebody does to the files of the history, keepone runs and begins another one.
func TestPastDamaged(t *testing.T) {
	t.Parallel()
	set := settings{"memory.sample": "100ms"}
	s := newSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: set})
	kept := filepath.Join(s.run, "history")
	s.startKeepone()
	s.await("up")
	s.samples(5)
	for what, spoil := range map[string]func(){
		"cut":     func() { s.must(os.Truncate(kept, 1000)) },
		"empty":   func() { s.must(os.Truncate(kept, 0)) },
		"removed": func() { s.must(os.Remove(kept)) },
	} {
		spoil()
		f := s.samples(5) // it goes on
		if a := s.keepone("history"); a.code > 1 || a.code == 1 && !strings.Contains(a.err, "history") || strings.Contains(a.err, "panic") {
			t.Errorf("%s: exit code %d\n%s", what, a.code, a.err)
		}
		s.do("status")
		s.killKeepone()
		s.startKeepone()
		s.await("up")
		if now := s.samples(20); now.Backend.PID != f.Backend.PID {
			t.Errorf("%s: the backend was %d and is %d", what, f.Backend.PID, now.Backend.PID)
		}
		if p := s.past(); len(p.Seconds) == 0 {
			t.Errorf("%s: nothing is kept any more: %+v", what, p)
		}
	}
}

// TestSavedPastDamaged: nor does it matter what is where the history was saved.
func TestSavedPastDamaged(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{command: leaker(t, "threaded.py"), settings: settings{"memory.sample": "100ms"}})
	saved := s.run + ".history"
	if a := s.keepone("history"); a.code != 1 || !strings.Contains(a.err, "no history") || !strings.Contains(a.err, "hint:") {
		t.Errorf("without any: exit code %d\n%s", a.code, a.err)
	}
	for what, text := range map[string]string{"rubbish": strings.Repeat("rubbish ", 20000), "short": "x", "empty": ""} {
		s.must(os.WriteFile(saved, []byte(text), 0o644))
		if a := s.keepone("history"); a.code != 1 || !strings.Contains(a.err, saved) {
			t.Errorf("%s: exit code %d, and stderr should name %s\n%s", what, a.code, saved, a.err)
		}
		s.startKeepone()
		s.await("up")
		s.samples(20)
		if p := s.past(); len(p.Seconds) == 0 || len(p.Events) != 1 {
			t.Errorf("%s: %+v", what, p)
		}
		s.stopKeepone()
		s.past()
	}
}

// TestPastElsewhere: memory.history says where it outlives a reboot; where that cannot be, there is a line in the log, and no
// stop fails for it.
func TestPastElsewhere(t *testing.T) {
	t.Parallel()
	elsewhere := filepath.Join(t.TempDir(), "deeper")
	file := filepath.Join(elsewhere, "past")
	s := newSite(t, plan{command: leaker(t, "threaded.py"), settings: settings{"memory.sample": "100ms", "memory.history": file}})
	s.startKeepone()
	s.await("up")
	s.samples(15)
	s.stopKeepone()
	if log := tail(filepath.Join(s.dir, "keepone.log")); !strings.Contains(log, file) {
		t.Errorf("the log does not say that there is no directory:\n%s", log)
	}
	s.must(os.Mkdir(elsewhere, 0o755))
	s.startKeepone()
	s.await("up")
	s.samples(15)
	s.supervisor.end(syscall.SIGTERM, 20*time.Second)
	info, err := os.Stat(file)
	s.must(err)
	if info.Mode().Perm() != 0o644 {
		t.Errorf("%s has mode %o", file, info.Mode().Perm())
	}
	var p past
	s.must(json.NewDecoder(bytes.NewReader([]byte(s.do("history", "--json").out))).Decode(&p))
	if len(p.Seconds) == 0 {
		t.Errorf("%+v", p)
	}
}
