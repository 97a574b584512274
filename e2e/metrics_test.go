package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sample is one line of an exposition.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

// parse reads an exposition with Prometheus' own parser.
func parse(t *testing.T, s *site, text string) (all []sample) {
	t.Helper()
	python := need(t, "python3")
	if exec.Command(python, "-c", "import prometheus_client.openmetrics.parser").Run() != nil {
		t.Skip("python3-prometheus-client is not installed")
	}
	cmd := exec.Command(python, filepath.Join(s.dir, "scrape.py"))
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("Prometheus cannot read it: %v\n%s", err, text)
	}
	var lines [][3]json.RawMessage
	s.must(json.Unmarshal(out, &lines))
	for _, line := range lines {
		var one sample
		s.must(json.Unmarshal(line[0], &one.name), json.Unmarshal(line[1], &one.labels), json.Unmarshal(line[2], &one.value))
		all = append(all, one)
	}
	return all
}

// value returns the one sample of a name with those labels, pairs of a key and a value.
func value(t *testing.T, all []sample, name string, labels ...string) float64 {
	t.Helper()
	var found []float64
	for _, one := range all {
		fits := one.name == name
		for i := 0; i < len(labels); i += 2 {
			fits = fits && one.labels[labels[i]] == labels[i+1]
		}
		if fits {
			found = append(found, one.value)
		}
	}
	if len(found) != 1 {
		t.Errorf("%d samples of %s %q", len(found), name, labels)
		return -1
	}
	return found[0]
}

// TestMetrics: Prometheus' own parser reads all of it, and it says what the status says.
func TestMetrics(t *testing.T) {
	t.Parallel()
	set := quickly(settings{"memory.soft": "300MiB", "memory.hard": "400MiB"})
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: set})
	s.get("/leak?mb=30")
	s.do("restart-backend")
	s.get("/leak?mb=20")
	s.samples(5)
	f := s.figures()
	all := parse(t, s, s.do("metrics").out)
	for name, want := range map[string]float64{
		"keepone_running": 1, "keepone_backend_up": 1, "keepone_restarts_total": 1, "keepone_queue_backlog": 4096, "keepone_queue_pending": 0,
		"keepone_memory_room_bytes": float64(f.Memory.Room), "keepone_backend_threads": float64(f.Backend.Threads),
		"keepone_backend_open_fds": float64(f.Backend.Descriptors), "keepone_memory_limit_too_small": 0, "keepone_upgrades_total": 0,
	} {
		if got := value(t, all, name, "name", s.name()); got != want {
			t.Errorf("%s is %v, status says %v", name, got, want)
		}
	}
	for kind, want := range map[string]float64{"soft": 300 * mebibyte, "hard": 400 * mebibyte} {
		if got := value(t, all, "keepone_memory_limit_bytes", "kind", kind); got != want {
			t.Errorf("limit %s is %v", kind, got)
		}
	}
	if up, down := value(t, all, "keepone_state", "state", "up"), value(t, all, "keepone_state", "state", "down"); up != 1 || down != 0 {
		t.Errorf("state up %v, down %v", up, down)
	}
	if got := value(t, all, "keepone_backend_cpu_seconds_total"); got < f.Backend.CPU || got == 0 {
		t.Errorf("cpu %v, and before %v", got, f.Backend.CPU)
	}
	for name, want := range map[string]int64{"keepone_resident_memory_bytes": f.Footprint.Backend.RSS, "keepone_proportional_memory_bytes": *f.Footprint.Backend.PSS} {
		if got := value(t, all, name, "part", "backend"); got < float64(want)*0.95 || got > float64(want)*1.05 {
			t.Errorf("%s of the backend is %v, status says %d", name, got, want)
		}
	}
}

// TestMetricsWithout: with no backend, and with no keepone, there are metrics that say so.
func TestMetricsWithout(t *testing.T) {
	t.Parallel()
	s := newRunningSite(t, plan{command: leaker(t, "threaded.py"), settings: settings{}})
	s.do("stop-backend")
	all := parse(t, s, s.do("metrics").out)
	if value(t, all, "keepone_backend_up") != 0 || value(t, all, "keepone_state", "state", "down") != 1 {
		t.Errorf("after a stop: %+v", all)
	}
	s.stopKeepone()
	all = parse(t, s, s.do("metrics").out)
	if len(all) != 1 || value(t, all, "keepone_running", "name", s.name()) != 0 {
		t.Errorf("without a keepone: %+v", all)
	}
}

// TestMetricsOfAll: without a name everything that the user has is in one exposition.
func TestMetricsOfAll(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be another user, with a home of its own")
	}
	t.Parallel()
	s := newSite(t, plan{})
	home := s.path("home")
	run := func(log string, args ...string) *process {
		env := append(s.environ(), "HOME="+home) // the later one wins
		p, err := start(filepath.Join(s.dir, log), env, nobody, append([]string{keepone}, args...)...)
		s.must(err)
		s.groups = append(s.groups, p.pid())
		return p
	}
	s.must(os.MkdirAll(home, 0o755), os.Chown(home, nobody, nobody))
	// The same script with the same arguments would be the same site.
	for _, name := range []string{"one", "two"} {
		p := run(name+".log", "run", "-n", name, "--socket", filepath.Join(home, name+".sock"), "--", need(t, "python3"), filepath.Join(s.dir, "threaded.py"), name)
		t.Cleanup(func() { p.end(syscall.SIGTERM, 10*time.Second) })
		await(t, 20*time.Second, name+" is up", func() bool { return strings.Contains(tail(p.log), "-> up: ready") })
	}
	p := run("all", "metrics")
	await(t, 20*time.Second, "metrics has ended", func() bool { return !p.alive() })
	all := parse(t, s, whole(t, p.log))
	for _, name := range []string{"one", "two"} {
		if value(t, all, "keepone_running", "name", name) != 1 || value(t, all, "keepone_resident_memory_bytes", "name", name, "part", "backend") == 0 {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// whole is all of a file.
func whole(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
