package e2e

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// rollup adds up a field of /proc/PID/smaps_rollup over processes, in bytes; proc_pid_smaps(5).
func rollup(t *testing.T, field string, pids ...int) (sum int64) {
	t.Helper()
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); f[0] == field+":" {
				kib, err := strconv.ParseInt(f[1], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				sum += kib << 10
			}
		}
	}
	return sum
}

// near says that two sizes differ by less than a twentieth and 512 KiB: other processes share more or less meanwhile.
func near(a, b int64) bool { return max(a, b)-min(a, b) <= b/20+512<<10 }

// TestFootprint: the parts of the site are what the kernel says they are, and the sum is theirs.
func TestFootprint(t *testing.T) {
	t.Parallel()
	set := settings{"webserver.process": "none", "environment.PHP_FCGI_CHILDREN": 2}
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "php-cgi"), settings: set})
	for range 10 {
		s.get("/fast")
	}
	s.samples(2)
	f := s.figures()
	b, k := f.Footprint.Backend, f.Footprint.Keepone
	if !slices.Equal(slices.Sorted(slices.Values(f.Backend.PIDs)), slices.Sorted(slices.Values(descendants(s.supervisor.pid(), nil)))) || b.Processes != 3 {
		t.Errorf("processes %v, %d of them", f.Backend.PIDs, b.Processes)
	}
	if pss, private := rollup(t, "Pss", f.Backend.PIDs...), rollup(t, "Private_Clean", f.Backend.PIDs...)+rollup(t, "Private_Dirty", f.Backend.PIDs...); !near(*b.PSS, pss) || !near(*b.Private, private) || *b.Swap != rollup(t, "Swap", f.Backend.PIDs...) {
		t.Errorf("backend: PSS %d, private %d, swap %d; the kernel says PSS %d, private %d", *b.PSS, *b.Private, *b.Swap, pss, private)
	}
	rss := int64(0)
	for _, pid := range f.Backend.PIDs {
		rss += resident(pid)
	}
	if b.RSS != rss {
		t.Errorf("backend: RSS %d, the kernel says %d", b.RSS, rss)
	}
	if pss := rollup(t, "Pss", f.Supervisor.PID); !near(*k.PSS, pss) || k.Processes != 1 {
		t.Errorf("keepone: %+v, PSS %d; the kernel says %d", k, *k.PSS, pss)
	}
	if sum := *b.PSS + *b.Swap + *k.PSS + *k.Swap; f.Footprint.Bytes != sum || f.Footprint.WebServer != nil {
		t.Errorf("in all %d, the parts are %d", f.Footprint.Bytes, sum)
	}
	if want := float64(f.Footprint.Bytes) / float64(f.Memory.Room); f.Footprint.Share < want*0.99 || f.Footprint.Share > want*1.01 {
		t.Errorf("share %v, want %v", f.Footprint.Share, want)
	}
	if text := s.do("status").out; !regexp.MustCompile(`footprint +[0-9.]+ MiB in all, [0-9.]+ % of `).MatchString(text) || !strings.Contains(text, "PSS") {
		t.Errorf("status:\n%s", text)
	}
}

// TestFigures: CPU time, threads and descriptors are the backend's, and the oldest request is told of while it runs.
func TestFigures(t *testing.T) {
	t.Parallel()
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: settings{"memory.sample": "100ms"}})
	var first figures
	await(t, 10*time.Second, "threads and descriptors are told as they are", func() bool {
		first = s.figures()
		n := descriptors(t, first.Backend.PID) // the kernel counts the one that accept(2) is going to return, too
		return first.Backend.Threads == 1 && (first.Backend.Descriptors == n || first.Backend.Descriptors == n+1)
	})
	slow := make(chan outcome, 2)
	for range 2 {
		go func() { slow <- ask(newClient(), s.url, "/sleep?ms=3000") }()
	}
	s.awaitFigures("both are served", 10*time.Second, func(f figures) bool { return f.Queue.Active == 2 })
	if now := s.figures(); now.Backend.Threads != 3 || now.Backend.Descriptors <= first.Backend.Descriptors {
		t.Errorf("with two requests: %d threads, %d descriptors", now.Backend.Threads, now.Backend.Descriptors)
	}
	s.awaitFigures("the oldest is a second old, and grows older", 10*time.Second, func(f figures) bool { return f.Queue.Active > 0 && f.Queue.Oldest > 1 })
	s.awaitFigures("nobody is left", 10*time.Second, func(f figures) bool { return f.Queue.Active == 0 && f.Queue.Oldest == 0 })
	for range cap(slow) {
		if o := <-slow; o.err != nil {
			t.Error(o.err)
		}
	}
	for range 100 {
		s.get("/leak?kb=1000")
	}
	if now := s.figures(); now.Backend.CPU <= first.Backend.CPU {
		t.Errorf("CPU time %v, and before %v", now.Backend.CPU, first.Backend.CPU)
	}
}

// TestWebServerFound: who is connected to the socket is the web server, and proved so; before that it is a guess by the name.
// Its memory is told beside ours.
func TestWebServerFound(t *testing.T) {
	for _, front := range []string{"lighttpd", "nginx"} {
		t.Run(front, func(t *testing.T) {
			t.Parallel()
			webServerFound(t, plan{front: front, command: leaker(t, "threaded.py"), settings: settings{}})
		})
	}
}

func webServerFound(t *testing.T, p plan) {
	t.Helper()
	need(t, program(p.front))
	p.settings["memory.sample"] = "200ms"
	s := newRunningSite(t, p)
	l := openLoop(t, s.url, class{2, "/slow"}) // somebody is always connected
	f := s.awaitFigures("the web server is proved", 30*time.Second, func(f figures) bool { return f.WebServer != nil && f.WebServer.Proved })
	want := []int{s.web.pid()}
	if p.front != "lighttpd" {
		want = append(want, descendants(s.web.pid(), nil)...)
	}
	slices.Sort(want)
	if f.WebServer.Name != program(p.front) || !slices.Equal(f.WebServer.PIDs, want) {
		t.Errorf("%+v, want %s %v", *f.WebServer, program(p.front), want)
	}
	now := s.figures().Footprint
	if now.WebServer == nil || now.WebServer.Processes != len(want) || !near(*now.WebServer.PSS, rollup(t, "Pss", want...)) {
		t.Errorf("%+v", now.WebServer)
	}
	if now.Bytes < *now.WebServer.PSS+*now.Backend.PSS+*now.Keepone.PSS {
		t.Errorf("in all %d", now.Bytes)
	}
	if text := s.do("status").out; !strings.Contains(text, " "+program(p.front)+" ") {
		t.Errorf("status:\n%s", text)
	}
	l.lossless(t)
}

// TestWebServerNamed: a web server that keepone does not know by itself is found by the name that it is told: here the test.
func TestWebServerNamed(t *testing.T) {
	t.Parallel()
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	set := settings{"memory.sample": "200ms", "webserver.process": strings.TrimSpace(string(comm))}
	s := newRunningSite(t, plan{command: leaker(t, "threaded.py"), settings: set})
	c, err := s.connect()
	s.must(err)
	defer c.Close()
	f := s.awaitFigures("the test is proved to be the web server", 30*time.Second, func(f figures) bool { return f.WebServer != nil && f.WebServer.Proved })
	if f.WebServer.Name != set["webserver.process"] || !slices.Contains(f.WebServer.PIDs, os.Getpid()) {
		t.Errorf("%+v", *f.WebServer)
	}
	if w := s.figures().Footprint.WebServer; w == nil || w.RSS == 0 {
		t.Errorf("footprint of the web server: %+v", w)
	}
}
