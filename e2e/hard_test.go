package e2e

import (
	"os"
	"strings"
	"testing"
	"time"
)

const (
	hardLimit = 256 * mebibyte
	hardRoom  = 100 * mebibyte // how much over it a leak of 50 MiB/s may come
)

// get asks for a path once, which must be answered.
func (s *site) get(path string) outcome {
	s.t.Helper()
	o := ask(newClient(), s.url, path)
	if o.err != nil {
		s.t.Fatalf("%s: %v", path, o.err)
	}
	return o
}

// runsAway tells the backend to keep 50 MiB more every second and waits until it is restarted for that.
func (s *site) runsAway() {
	s.t.Helper()
	before := s.awaitFigures("it is up", 30*time.Second, func(f figures) bool { return f.State == "up" })
	s.get("/runaway?mb=50&cap=1000")
	after := s.awaitFigures("it is restarted", time.Minute, func(f figures) bool {
		return f.State == "up" && f.Backend.PID != before.Backend.PID
	})
	if after.Restarts.Total != before.Restarts.Total+1 || after.Restarts.Last.Reason != "memory" {
		s.t.Errorf("%+v after %+v", after.Restarts, before.Restarts)
	}
}

// TestHardLimit: what leaks 50 MiB a second by itself is ended before it is a hundred over the hard limit; so is one that does
// in its first minute, three times in a row.
func TestHardLimit(t *testing.T) {
	for name, c := range map[string]struct {
		life  any
		times int
	}{"grown up": {"500ms", 2}, "young": {"60s", 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := settings{"memory.hard": "256MiB", "memory.min_life": c.life}
			s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: set})
			stop := s.weigh(t)
			for range c.times {
				s.runsAway()
			}
			w := stop()
			t.Logf("the most at any time: %d MiB", w.most>>20)
			if w.most > hardLimit+hardRoom || w.most < hardLimit {
				t.Errorf("at most %d MiB, with a hard limit of %d MiB", w.most>>20, hardLimit>>20)
			}
			for _, e := range s.past().of("memory") {
				if !strings.Contains(e.Text, "hard limit") || e.Bytes <= hardLimit {
					t.Errorf("%+v", e)
				}
			}
			s.get("/fast")
		})
	}
}

// TestHardLimitTooSmall: a backend that runs away in its youth, one after the other, may need more than it is allowed: the
// fourth may have twice as much, and is let alone.
func TestHardLimitTooSmall(t *testing.T) {
	t.Parallel()
	set := settings{"memory.hard": "40MiB", "memory.sample": "200ms"}
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: set})
	first := s.awaitFigures("it is up", 30*time.Second, func(f figures) bool { return f.State == "up" })
	for n := range 4 {
		pid := s.awaitFigures("it is up", 30*time.Second, func(f figures) bool { return f.State == "up" }).Backend.PID
		s.get("/runaway?mb=20&cap=60") // some 68 MiB in the end, below twice the limit
		f := s.awaitFigures("it has all of it, or is restarted", 30*time.Second, func(f figures) bool {
			return f.State == "up" && f.Backend.PID != pid || f.Backend.RSS > 65*mebibyte
		})
		if again := f.Backend.PID != pid; again != (n < 3) {
			t.Fatalf("backend %d: restarted is %v: %+v", n+1, again, f)
		}
	}
	f := s.samples(20)
	if f.Restarts.Total != first.Restarts.Total+3 || f.State != "up" {
		t.Errorf("%+v", f)
	}
	if f.Memory.Fits <= 40*mebibyte {
		t.Errorf("status does not say that the limit is too small: %+v", f.Memory)
	}
	s.get("/fast")
}

// TestPostponed: a failing check keeps the old backend, also when it is over its soft limit, and the status says why; not over
// the hard one.
func TestPostponed(t *testing.T) {
	t.Parallel()
	set := quickly(settings{"memory.soft": "60MiB", "memory.hard": "150MiB",
		"backend.check": []string{"/bin/sh", "-c", "test ! -e var/broken || { echo 'syntax error in line 7' >&2; exit 1; }"}})
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: set})
	s.must(os.WriteFile(s.path("broken"), nil, 0o644))
	first := s.samples(15)
	s.get("/leak?mb=60")
	f := s.awaitFigures("it is put off", 30*time.Second, func(f figures) bool { return f.Memory.Postponed != "" })
	if !strings.Contains(f.Memory.Postponed, "syntax error in line 7") || f.Backend.PID != first.Backend.PID {
		t.Errorf("%+v", f)
	}
	if text := s.do("status").out; !strings.Contains(text, "a restart for memory is put off: ") {
		t.Errorf("status does not say so:\n%s", text)
	}
	if a := s.keepone("status", "--nagios"); a.code != 1 || !strings.Contains(a.out, "put off") {
		t.Errorf("--nagios: exit code %d: %s", a.code, a.out)
	}
	if e := s.past().of("check failed"); len(e) != 1 || !strings.Contains(e[0].Text, "syntax error") {
		t.Errorf("events of kind check failed: %+v", e)
	}
	if f := s.samples(10); f.Restarts.Total != 0 || f.Memory.Postponed == "" {
		t.Errorf("%+v", f)
	}
	s.get("/leak?mb=100")
	f = s.awaitFigures("it is restarted over the hard limit", 30*time.Second, func(f figures) bool {
		return f.State == "up" && f.Backend.PID != first.Backend.PID
	})
	if f.Restarts.Last.Reason != "memory" || f.Memory.Postponed != "" {
		t.Errorf("%+v", f)
	}
}

// TestPercentages: percentages are of the memory that there is.
func TestPercentages(t *testing.T) {
	t.Parallel()
	set := quickly(settings{"memory.soft": "10%", "memory.hard": "60%"})
	s := newRunningSite(t, plan{command: leaker(t, "threaded.py"), settings: set})
	f := s.figures()
	if m := f.Memory; m.Room == 0 || m.Soft < m.Room/10-1 || m.Soft > m.Room/10 || m.Hard < m.Room/10*6-6 || m.Hard > m.Room*6/10 {
		t.Errorf("%+v", m)
	}
	s.reconfigure(set, settings{"memory.soft": "20%"})
	if m := s.figures().Memory; m.Soft < m.Room/5-1 || m.Soft > m.Room/5 {
		t.Errorf("after a reload: %+v", m)
	}
	s.configure(settings{"memory.soft": "60%", "memory.hard": "60%"})
	if a := s.command("check", "-c", s.config); a.code != 2 || !strings.Contains(a.err, "memory.soft") {
		t.Errorf("check of a soft limit that is not below the hard one: exit code %d\n%s", a.code, a.err)
	}
	s.configure(set)
}
