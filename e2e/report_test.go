package e2e

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"keepone/history"
)

// writePast writes a history of so many minutes until now to a file; size says what the backend had in each.
func writePast(t *testing.T, file string, minutes int, size func(minute int) int64) {
	t.Helper()
	w, err := history.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	began := time.Now().Add(-time.Duration(minutes) * time.Minute)
	w.Event(began, "start", 0, "started")
	for m := range minutes {
		for second := 0; second < 60; second += 20 {
			at := began.Add(time.Duration(m)*time.Minute + time.Duration(second)*time.Second)
			w.Sample(at, uint64(size(m)))
			w.Others(at, 3*mebibyte, 4*mebibyte)
		}
	}
}

// steady has some noise and does not grow.
func steady(minute int) int64 { return 60*mebibyte + int64(minute*7919%13)*mebibyte/8 }

// TestGraph: without a terminal a graph has 80 columns and no escapes, in ASCII where the locale has no more; a picture is
// well-formed.
func TestGraph(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{command: []string{"/bin/true"}})
	if a := s.keepone("graph"); a.code != 1 || a.err == "" {
		t.Errorf("without a history: exit code %d\n%s", a.code, a.err)
	}
	writePast(t, s.run+".history", 180, steady)
	a := s.do("graph", "--since", "3h")
	lines := strings.Split(strings.TrimSuffix(a.out, "\n"), "\n")
	if len(lines) < 10 || len(lines) > 24 {
		t.Errorf("%d lines:\n%s", len(lines), a.out)
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > 80 || strings.ContainsRune(line, '\x1b') || strings.ContainsFunc(line, func(r rune) bool { return r > 127 }) {
			t.Errorf("no line for a pipe and the C locale: %q", line)
		}
	}
	if !strings.Contains(a.out, s.name()) || !strings.Contains(a.out, "MiB") {
		t.Errorf("graph:\n%s", a.out)
	}
	if a := s.do("graph", "--since", "5m"); len(a.out) == 0 {
		t.Error("the last minutes: nothing")
	}
	picture := s.path("memory.svg")
	s.do("graph", "--svg", picture)
	text, err := os.ReadFile(picture)
	s.must(err)
	for _, svg := range []string{string(text), s.do("graph", "--svg", "-").out} {
		wellFormed(t, svg)
	}
	if a := s.keepone("graph", "--svg", filepath.Join(s.dir, "none", "x.svg")); a.code != 1 || !strings.Contains(a.err, "cannot write the picture") {
		t.Errorf("a picture where there is no directory: exit code %d\n%s", a.code, a.err)
	}
}

// wellFormed demands XML whose root is svg.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	d, root := xml.NewDecoder(strings.NewReader(text)), ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if e, ok := token.(xml.StartElement); ok && root == "" {
			root = e.Name.Local
		}
	}
	if root != "svg" || !strings.Contains(text, "path") && !strings.Contains(text, "poly") {
		t.Errorf("root element %q:\n%.400s", root, text)
	}
}

// TestReport: the table, the plan, and limits that fit and that check takes.
func TestReport(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{command: []string{"/bin/true"}})
	if a := s.keepone("report"); a.code != 1 || a.err == "" {
		t.Errorf("without a history: exit code %d\n%s", a.code, a.err)
	}
	writePast(t, s.run+".history", 120, steady)
	text := s.do("report").out
	for _, part := range []string{`backend +60\.0 MiB`, `keepone +3\.0 MiB`, `web server +4\.0 MiB`, `sum +6[0-9]\.[0-9] MiB`, `smallest plan for all of it is [0-9.]+ [MG]iB`} {
		if !regexp.MustCompile(part).MatchString(text) {
			t.Errorf("report has no %q:\n%s", part, text)
		}
	}
	var got struct {
		Parts map[string]struct {
			Maximum int64 `json:"maximum_bytes"`
		}
		Plan int64 `json:"plan_bytes"`
	}
	s.must(json.Unmarshal([]byte(s.do("report", "--json").out), &got))
	if p := got.Parts["sum"]; p.Maximum < 67*mebibyte || p.Maximum > 70*mebibyte || got.Plan < p.Maximum*5/4 || got.Plan&(got.Plan-1) != 0 {
		t.Errorf("%+v", got)
	}
	block := s.do("report", "--suggest").out
	limits := regexp.MustCompile(`^\[memory\]\nsoft = "(\d+)MiB"\nhard = "(\d+)MiB"\n$`).FindStringSubmatch(block)
	if limits == nil {
		t.Fatalf("--suggest prints:\n%s", block)
	}
	before, err := os.ReadFile(s.config)
	s.must(err, os.WriteFile(s.config, append(before, block...), 0o644))
	a := s.command("check", "-c", s.config)
	if a.code != 0 || !strings.Contains(a.out, limits[1]+"MiB") || !strings.Contains(a.out, limits[2]+"MiB") {
		t.Errorf("check of what was pasted: exit code %d\n%s%s", a.code, a.err, a.out)
	}
}

// TestReportTooEarly: after some minutes nothing is suggested.
func TestReportTooEarly(t *testing.T) {
	t.Parallel()
	s := newRunningSite(t, plan{command: leaker(t, "threaded.py"), settings: settings{"memory.sample": "100ms"}})
	s.samples(15)
	a := s.keepone("report", "--suggest")
	if a.code != 1 || !strings.Contains(a.err, "too little was seen") || !strings.Contains(a.err, "hint:") || a.out != "" {
		t.Errorf("exit code %d\n%s%s", a.code, a.out, a.err)
	}
	if text := s.do("report").out; !strings.Contains(text, "backend") || !strings.Contains(text, "not seen") {
		t.Errorf("report:\n%s", text)
	}
}

// TestGrowth: what the history says of a backend's growth is in status, --json and metrics, with the time until the limit. A
// keepone that adopts the backend finds a history that says it grew for two hours, by some 10 MiB each.
func TestGrowth(t *testing.T) {
	t.Parallel()
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: settings{"memory.soft": "200MiB"}})
	s.samples(1)
	s.killKeepone()
	file := filepath.Join(s.run, "history")
	s.must(os.Remove(file))
	writePast(t, file, 120, func(m int) int64 { return 40*mebibyte + int64(m)*mebibyte/6 })
	s.startKeepone()
	s.await("up")
	f := s.figures()
	if g := f.Growth; g == nil || g.PerHour < 8*mebibyte || g.PerHour > 12*mebibyte || g.Reaches == nil || *g.Reaches < 3600 {
		t.Errorf("%+v", f.Growth)
	}
	text := s.do("status").out
	if !regexp.MustCompile(`grows (9|10)\.[0-9] MiB/h, reaches its limit in [0-9]+h`).MatchString(text) {
		t.Errorf("status:\n%s", text)
	}
	if !strings.Contains(s.do("metrics").out, "\nkeepone_backend_growth_bytes{") {
		t.Error("metrics have no growth")
	}
}
