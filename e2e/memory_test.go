package e2e

import (
	"strings"
	"testing"
	"time"
)

// quickly are settings with which limits count soon.
func quickly(more settings) settings {
	set := settings{"memory.sample": "100ms", "memory.min_life": "1s", "drain.patience": "100ms"}
	for key, value := range more {
		set[key] = value
	}
	return set
}

// leaker returns the command of a backend that keeps what /leak?kb=N says.
func leaker(t *testing.T, name string) []string {
	t.Helper()
	switch name {
	case "php-cgi":
		return []string{need(t, "php-cgi"), "-d", "ffi.enable=true"}
	case "respond.pl":
		return []string{need(t, "perl"), name}
	}
	return []string{need(t, "python3"), name}
}

// reconfigure changes keys of a running keepone.
func (s *site) reconfigure(set, more settings) {
	s.t.Helper()
	for key, value := range more {
		set[key] = value
	}
	s.configure(set)
	s.do("reload")
}

// TestSoftLimit: a leak under load is followed by one planned restart after the other, each near the limit and each lossless.
func TestSoftLimit(t *testing.T) {
	for name, times := range map[string]int{"threaded.py": restarts(), "php-cgi": 3, "respond.pl": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := quickly(settings{"environment.PHP_FCGI_MAX_REQUESTS": 0})
			load := []class{{50, "/leak?kb=30"}}
			if name == "threaded.py" { // the others serve one at a time
				load = append(load, class{1, "/sleep?ms=800"})
			}
			s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, name), settings: set})
			for range 20 {
				if o := ask(newClient(), s.url, "/leak?kb=0"); o.err != nil {
					t.Fatal(o.err)
				}
			}
			soft := s.samples(3).Backend.RSS + 5*mebibyte
			s.reconfigure(set, settings{"memory.soft": int(soft)})
			stop := s.weigh(t)
			l := openLoop(t, s.url, load...)
			for n := 1; n <= times; n++ {
				f := s.awaitFigures("it is restarted", time.Minute, func(f figures) bool { return f.Restarts.Total >= n })
				if f.Restarts.Last.Reason != "memory" {
					t.Errorf("restart %d: %+v", n, f.Restarts)
				}
			}
			l.lossless(t)
			nearLimit(t, s, stop(), soft, times)
		})
	}
}

// nearLimit demands that every backend but the last passed the limit and had not much more than that in the end.
func nearLimit(t *testing.T, s *site, w weighed, soft int64, times int) {
	t.Helper()
	passed := 0
	for pid, most := range w.each {
		if most > soft {
			passed++
		}
		if most > soft+4*mebibyte {
			t.Errorf("process %d had %d KiB, with a soft limit of %d KiB", pid, most>>10, soft>>10)
		}
	}
	if passed < times {
		t.Errorf("%d backends passed the limit, of %d that were restarted: %v", passed, times, w.each)
	}
	t.Logf("soft limit %d KiB, the largest %d KiB", soft>>10, w.most>>10)
	events := s.past()
	for _, e := range events.of("memory") {
		if !strings.Contains(e.Text, "soft limit") || e.Bytes <= soft {
			t.Errorf("%+v", e)
		}
	}
	if n := len(events.of("memory")); n < times {
		t.Errorf("%d events of kind memory for %d restarts", n, times)
	}
	for i, e := range events.of("start") {
		if i > 0 && !strings.HasPrefix(e.Text, "memory") {
			t.Errorf("a backend was started for %q", e.Text)
		}
	}
}
