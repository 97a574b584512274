package e2e

import (
	"os"
	"strings"
	"testing"
	"time"
)

// grownUp waits until the backend has lived three times as long as memory.min_life, a second in quickly.
func (s *site) grownUp() figures {
	s.t.Helper()
	return s.awaitFigures("it has lived for long enough", 30*time.Second, func(f figures) bool { return f.Backend.Uptime >= 3 })
}

// alone demands that nothing was restarted and nothing failed.
func alone(t *testing.T, s *site, l *load, first figures) {
	t.Helper()
	l.lossless(t)
	f := s.samples(1)
	if f.State != "up" || f.Backend.PID != first.Backend.PID || f.Restarts.Total != first.Restarts.Total {
		t.Errorf("it was not left alone: %+v", f)
	}
}

// TestBigIsNoLeak: a backend that takes much and then no more is left alone, below its limits.
func TestBigIsNoLeak(t *testing.T) {
	t.Parallel()
	set := quickly(settings{"memory.soft": "120MiB", "memory.hard": "160MiB"})
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: set})
	l := openLoop(t, s.url, class{20, "/fast"})
	s.get("/leak?mb=90")
	f := s.grownUp()
	if f.Backend.RSS < 90*mebibyte || f.Memory.Fits != 0 || f.Memory.Postponed != "" {
		t.Errorf("%+v", f)
	}
	alone(t, s, l, f)
}

// TestBigRequest: one request that passes the soft limit in less than three samples is no leak.
func TestBigRequest(t *testing.T) {
	t.Parallel()
	set := quickly(settings{"memory.soft": "60MiB", "memory.sample": "1s"})
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: set})
	l := openLoop(t, s.url, class{20, "/fast"})
	f := s.grownUp()
	s.get("/spike?mb=80&ms=1300") // one sample sees it, or two
	s.awaitFigures("the big request was seen", 10*time.Second, func(f figures) bool { return f.Backend.Peak > 60*mebibyte })
	s.samples(5)
	alone(t, s, l, f)
	if n := len(s.past().of("memory")); n != 0 {
		t.Errorf("%d events of kind memory", n)
	}
}

// TestLimitTooSmall: a limit below what a backend has from its beginning is no reason for a restart, and the status says what
// would fit.
func TestLimitTooSmall(t *testing.T) {
	for name, limits := range map[string]settings{
		"soft": {"memory.soft": "5MiB"}, "hard": {"memory.hard": "5MiB"}, "both": {"memory.soft": "4MiB", "memory.hard": "5MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: quickly(limits)})
			l := openLoop(t, s.url, class{20, "/fast"})
			f := s.grownUp()
			if f.Memory.Fits <= f.Backend.RSS || f.Memory.Fits > 2*f.Backend.RSS || f.Memory.Fits%mebibyte != 0 {
				t.Errorf("it has %d bytes, and %d would fit", f.Backend.RSS, f.Memory.Fits)
			}
			if text := s.do("status").out; !strings.Contains(text, "the limit is too small") || !strings.Contains(text, "would fit") {
				t.Errorf("status does not say so:\n%s", text)
			}
			if a := s.keepone("status", "--nagios"); a.code != 1 || !strings.Contains(a.out, "too small") {
				t.Errorf("--nagios: exit code %d: %s", a.code, a.out)
			}
			alone(t, s, l, f)
		})
	}
}

// TestWarn: with action "warn" nothing is restarted; it is kept in the history, and somebody is told.
func TestWarn(t *testing.T) {
	t.Parallel()
	set := quickly(settings{"memory.soft": "60MiB", "memory.hard": "90MiB", "memory.action": "warn", "alert.command": tells})
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: set})
	f := s.grownUp()
	l := openLoop(t, s.url, class{20, "/fast"})
	for _, more := range []string{"60", "60"} {
		s.get("/leak?mb=" + more)
		s.awaitFigures("it is over a limit", 10*time.Second, func(f figures) bool { return f.Memory.Over })
	}
	s.samples(20)
	alone(t, s, l, f)
	p := s.past()
	if e := p.of("warning"); len(e) != 1 || !strings.Contains(e[0].Text, "over the memory limit") || e[0].Bytes < 60*mebibyte {
		t.Errorf("events of kind warning: %+v", e)
	}
	if e := p.of("memory"); len(e) != 0 {
		t.Errorf("events of kind memory: %+v", e)
	}
	if text := s.do("status").out; !strings.Contains(text, "so nothing follows") {
		t.Errorf("status:\n%s", text)
	}
	if told := s.told(1); told[0][2] != "memory" || !strings.Contains(told[0][1], "over the memory limit") {
		t.Errorf("told: %q", told)
	}
}

// TestSharedMemory: what several processes share counts once: with the sum of RSS far over the limits and that of PSS below, a
// backend is left alone; and it is restarted when it has too much by that measure.
func TestSharedMemory(t *testing.T) {
	for name, command := range map[string][]string{
		"python": append(leaker(t, "threaded.py"), "prefork"), "php-cgi": leaker(t, "php-cgi"),
	} {
		for _, when := range []string{"from the start", "by a reload"} {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()
				set := quickly(settings{"environment.PHP_FCGI_CHILDREN": 8, "environment.PHP_FCGI_MAX_REQUESTS": 0})
				s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
				rss, pss := s.shares()
				limit := (rss + pss) / 2
				s.reconfigure(set, settings{"memory.soft": int(limit), "memory.hard": int(limit + limit/10)})
				if when == "from the start" {
					s.do("restart-backend")
					s.shares()
				}
				l := openLoop(t, s.url, class{20, "/fast"})
				f := s.samples(30)
				if f.Backend.RSS <= limit {
					t.Errorf("%d bytes, and the limit is %d", f.Backend.RSS, limit)
				}
				if f.Memory.Fits != 0 {
					t.Errorf("status says that the limit is too small, and %d would fit: limit %d, RSS %d, PSS %d", f.Memory.Fits, limit, rss, pss)
				}
				alone(t, s, l, f)
				if !t.Failed() {
					s.leakUntilRestart((rss - pss) >> 10)
				}
			})
		}
	}
}

// shares gives every process of the backend something to do and returns what all of them have when they have grown up: RSS, and
// PSS, which is far less.
func (s *site) shares() (rss, pss int64) {
	s.t.Helper()
	for range 40 {
		s.get("/fast")
	}
	s.grownUp()
	b := s.figures().Footprint.Backend
	if b.PSS == nil || *b.PSS > b.RSS*3/5 {
		s.t.Fatalf("its processes share too little for this test: %+v", b)
	}
	return b.RSS, *b.PSS
}

// leakUntilRestart lets requests keep KiB, in some pieces, until the backend is restarted for it.
func (s *site) leakUntilRestart(kib int64) {
	s.t.Helper()
	before := s.samples(1).Restarts.Total
	for range 10 {
		_ = ask(newClient(), s.url, "/leak?kb="+itoa(int(kib/10))) // what a hard restart cuts off fails
		s.samples(1)
	}
	f := s.awaitFigures("it is restarted", 30*time.Second, func(f figures) bool { return f.Restarts.Total > before })
	if f.Restarts.Last.Reason != "memory" {
		s.t.Errorf("%+v", f.Restarts)
	}
}

// TestUnlimitedMemory: with memory.sample at 0s nothing is weighed, the status shows the memory nevertheless, a removed socket
// is put back, and limits are refused.
func TestUnlimitedMemory(t *testing.T) {
	t.Parallel()
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: settings{"memory.sample": "0s"}})
	s.get("/leak?mb=40")
	if f := s.figures(); f.Backend.RSS < 40*mebibyte && (f.Footprint == nil || f.Footprint.Backend.RSS < 40*mebibyte) {
		t.Errorf("status does not show the memory: %+v, footprint %+v", f.Backend, f.Footprint)
	}
	if text := s.do("status").out; strings.Contains(text, "memory    0 KiB") {
		t.Errorf("status:\n%s", text)
	}
	s.must(os.Remove(s.socket))
	s.awaitFigures("the socket is put back", 10*time.Second, func(f figures) bool { return f.Cures.Path == 1 })
	s.get("/fast")
	s.configure(settings{"memory.sample": "0s", "memory.hard": "100MiB"})
	if a := s.command("check", "-c", s.config); a.code != 2 || !strings.Contains(a.err, "memory.sample") {
		t.Errorf("check of a limit without samples: exit code %d\n%s", a.code, a.err)
	}
}
