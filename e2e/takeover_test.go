package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// visitors is the load of a take-over: a request is in flight at any moment.
var visitors = []class{{20, "/fast"}, {2, "/slow"}}

// takeOvers are the doubles that serve at the site's path behind its web server, by who looks after them.
var takeOvers = []struct {
	name  string
	start func(s *site) *double
}{
	{"nohup", func(s *site) *double { d := s.byHand(s.socket); s.startWeb(); return d }},
	{"supervisord", func(s *site) *double { d := s.supervised(s.socket); s.startWeb(); return d }},
	{"bin-path", func(s *site) *double { return s.atBinPath("double.py") }},
	{"bin-path of php-cgi", func(s *site) *double { s.php(); return s.atBinPath("") }},
}

// atBinPath makes the socket of lighttpd's own backend the site's, as it is advised for the move.
func (s *site) atBinPath(script string) *double {
	s.t.Helper()
	program := s.dir + "/" + script
	if script == "" {
		program = need(s.t, "php-cgi")
	}
	d := s.binPath(s.socket, program)
	s.socket = d.socket
	s.configure(s.plan.settings)
	if script == "" {
		d.rule = "path"
	}
	return d
}

// newTakenSite is a site at whose path a double serves visitors; keepone runs, and is blocked.
func newTakenSite(t *testing.T, begin func(s *site) *double, set settings) (*site, *double) {
	t.Helper()
	s := newDoubleSite(t, "lighttpd", set)
	d := begin(s)
	s.startKeepone()
	s.await("blocked")
	s.named(d)
	return s, d
}

// flight is a slow request that the double has accepted.
func (d *double) flight(ms int) chan outcome {
	d.s.t.Helper()
	slow := make(chan outcome, 1)
	accepted := make(chan struct{})
	go func() {
		close(accepted)
		slow <- ask(newClient(), d.s.url, fmt.Sprintf("/sleep?ms=%d", ms))
	}()
	<-accepted
	for range 5 { // whoever comes later and is answered has been accepted later
		if o := ask(newClient(), d.s.url, "/fast"); o.err != nil || !descends(o.backend, d.pid) {
			d.s.t.Errorf("answered by %d, the double is %d: %v", o.backend, d.pid, o.err)
		}
	}
	return slow
}

// away demands that the double is gone, that nobody has started another, and that the backend alone answers.
func (d *double) away(st state) {
	s := d.s
	s.t.Helper()
	await(s.t, 20*time.Second, fmt.Sprintf("the double, process %d, is gone", d.pid), func() bool { return !running(d.pid) })
	s.awaitThat("nobody is named", func(st state) bool { return st.State == "up" && len(st.Rivals) == 0 })
	if d.stop != nil && !d.stopped() {
		s.t.Error("supervisord does not say STOPPED")
	}
	for range 20 {
		if o := ask(newClient(), s.url, "/fast"); o.err != nil || !descends(o.backend, st.Backend.PID) {
			s.t.Fatalf("answered by %d, the backend is %d: %v", o.backend, st.Backend.PID, o.err)
		}
	}
	if d.by != nil && !d.by.alive() {
		s.t.Error("who had started the double is gone, too")
	}
}

// descends says whether a process is another or a child of it.
func descends(pid, of int) bool {
	_, parent, _, ok := stat(pid)
	return pid == of || ok && parent == of
}

// TestTakeOver: a site is moved over from whoever runs it, under load and with a slow request in flight, and no request
// is lost; who would start the double again does not.
func TestTakeOver(t *testing.T) {
	for _, o := range takeOvers {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			s, d := newTakenSite(t, o.start, nil)
			slow := d.flight(3000)
			l := openLoop(t, s.url, visitors...)
			s.do("start-backend", "--take-over")
			st := s.await("up")
			if st.Backend.PID == d.pid || st.Restarts.Last.Reason != "taken over" {
				t.Errorf("the backend is process %d, the double was %d; the last reason is %q", st.Backend.PID, d.pid, st.Restarts.Last.Reason)
			}
			if o := <-slow; o.err != nil || descends(o.backend, st.Backend.PID) {
				t.Errorf("the slow request: answered by %d, the double was %d: %v", o.backend, d.pid, o.err)
			}
			d.away(st)
			s.do("restart-backend")
			d.away(s.await("up"))
			l.lossless(t)
			if d.by != nil && d.by != s.web {
				d.gone()
			}
		})
	}
}

// TestReplaceAtStart: with "replace" the same happens by itself when keepone is started.
func TestReplaceAtStart(t *testing.T) {
	for _, o := range takeOvers[:2] {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			s := newDoubleSite(t, "lighttpd", settings{"single.rivals": "replace"})
			d := o.start(s)
			slow := d.flight(3000)
			l := openLoop(t, s.url, visitors...)
			s.startKeepone()
			st := s.await("up")
			if o := <-slow; o.err != nil || o.backend != d.pid {
				t.Errorf("the slow request: answered by %d, the double was %d: %v", o.backend, d.pid, o.err)
			}
			d.away(st)
			l.lossless(t)
			if d.by != nil {
				d.gone()
			}
		})
	}
}

// TestTakeOverChecks: where backend.check fails nothing is touched; --no-check goes through.
func TestTakeOverChecks(t *testing.T) {
	t.Parallel()
	check := []string{"/bin/sh", "-c", "test ! -e var/broken || { echo 'syntax error in line 7' >&2; exit 1; }"}
	s, d := newTakenSite(t, takeOvers[0].start, settings{"backend.check": check})
	s.must(os.WriteFile(s.path("broken"), nil, 0o644))
	l := openLoop(t, s.url, visitors...)
	for range 20 { // also while another spawn is being tried
		if a := s.keepone("start-backend", "--take-over"); a.code != 1 || !strings.Contains(a.err, "syntax error in line 7") {
			t.Fatalf("exit code %d, and stderr should say what the check said:\n%s", a.code, a.err)
		}
	}
	if st := s.await("blocked"); st.Backend.PID != 0 || !running(d.pid) || s.answering(s.socket) != d.pid {
		t.Errorf("the check failed, and the double runs: %v, backend %d", running(d.pid), st.Backend.PID)
	}
	if o := ask(newClient(), s.url, "/fast"); o.err != nil || o.backend != d.pid {
		t.Errorf("answered by %d, the double is %d: %v", o.backend, d.pid, o.err)
	}
	s.do("start-backend", "--take-over", "--no-check")
	d.away(s.await("up"))
	l.lossless(t)
}

// TestTakeOverKilled: keepone is killed in the middle of a take-over; the next one completes it, and no request is lost.
func TestTakeOverKilled(t *testing.T) {
	for _, o := range takeOvers {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			s, d := newTakenSite(t, o.start, nil)
			slow := d.flight(5000)
			l := openLoop(t, s.url, class{20, "/fast"})
			cli, err := start(s.path("take-over.log"), s.environ(), -1, keepone, "start-backend", "--take-over", "-c", s.config, "--run-dir", s.run)
			s.must(err)
			s.awaitThat("it drains", func(st state) bool {
				if !cli.alive() {
					t.Fatalf("the take-over has ended: %s", tail(cli.log))
				}
				return st.State == "draining"
			})
			s.killKeepone()
			<-cli.exited // it was told nothing
			s.startKeepone()
			served := <-slow
			st := s.awaitThat("the backend is ours", func(st state) bool { return st.State == "up" && st.Backend.PID != d.pid })
			if served.err != nil || descends(served.backend, st.Backend.PID) {
				t.Errorf("the slow request: answered by %d, the double was %d: %v", served.backend, d.pid, served.err)
			}
			d.away(st)
			l.lossless(t)
			if d.by != nil && d.by != s.web {
				d.gone()
			}
		})
	}
}
