package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestExecTerminal: a terminal as input is refused in the backend's place, unless --max-time 0 is said; Ctrl-C and a closed
// terminal end the job, and the backend comes back.
func TestExecTerminal(t *testing.T) {
	t.Parallel()
	s := newJobSite(t, "")
	before := s.await("up").Backend.PID
	run := func(flags []string, command ...string) *terminal {
		return s.onTerminal(80, 24, s.job(flags, command...)...)
	}
	if status := run(exclusive, "true").wait(t); status.ExitStatus() != 2 || s.await("up").Backend.PID != before {
		t.Errorf("on a terminal it ended by %v", status)
	}
	long := []string{"--exclusive", "--max-time", "0"}
	tty := run(long, s.alone(`read x; echo "read $x"; exit 7`)...)
	s.await("down")
	tty.types(t, "this\n")
	tty.shows(t, "read this")
	if status := tty.wait(t); status.ExitStatus() != 7 {
		t.Errorf("it ended by %v", status)
	}
	for _, name := range []string{"Ctrl-C", "hang-up"} {
		tty = run(long, s.alone("echo begun; exec sleep 600")...)
		tty.shows(t, "begun")
		ended := func(status syscall.WaitStatus) bool { return status.Signaled() && status.Signal() == syscall.SIGINT }
		if name == "Ctrl-C" {
			tty.types(t, "\x03")
		} else {
			tty.hangUp(t)
			ended = func(status syscall.WaitStatus) bool { return status.ExitStatus() == 128+int(syscall.SIGHUP) }
		}
		if status := tty.wait(t); !ended(status) {
			t.Errorf("%s: it ended by %v; shown: %s", name, status, tty.all)
		}
		s.await("up")
	}
	tty = run(nil, "/bin/sh", "-c", "test -t 0 && tty && exit 8")
	tty.shows(t, "/dev/pts/")
	if status := tty.wait(t); status.ExitStatus() != 8 {
		t.Errorf("beside the backend it ended by %v", status)
	}
}

// shows waits until something is written there.
func (term *terminal) shows(t *testing.T, text string) {
	t.Helper()
	term.until(t, "it shows "+text, func(shown string) bool { return strings.Contains(shown, text) })
}

// TestExecKilled: keepone exec, keepone, or both are killed while a job has the backend's place: it is never shared, and
// the backend comes back.
func TestExecKilled(t *testing.T) {
	t.Parallel()
	s := newJobSite(t, "lighttpd")
	l := openLoop(t, s.url, class{20, "/fast"})
	begin := func(n int) *process {
		p := s.startJob(exclusive, s.alone(fmt.Sprintf(`>var/begun.%[1]d; until test -e var/go.%[1]d; do sleep 0.05; done; exit 3`, n))...)
		s.awaitFile(fmt.Sprint("begun.", n))
		return p
	}
	p := begin(1)
	p.end(syscall.SIGKILL, 5*time.Second)
	s.await("up")
	l.lossless(t)

	p = begin(2)
	s.killKeepone()
	s.startKeepone()
	if st := s.awaitThat("keepone answers", func(st state) bool { return true }); st.State != "down" || st.Job != p.pid() || !p.alive() {
		t.Errorf("after keepone was killed: %+v, exec lives: %v", st, p.alive())
	}
	s.must(os.WriteFile(s.path("go.2"), nil, 0o644))
	<-p.exited
	if code := p.cmd.ProcessState.ExitCode(); code != 3 {
		t.Errorf("exit code %d\n%s", code, tail(p.log))
	}
	s.await("up")

	p = begin(3)
	s.killKeepone()
	p.end(syscall.SIGKILL, 5*time.Second)
	s.startKeepone()
	s.await("up")

	p = begin(4) // it ends while no keepone runs
	s.killKeepone()
	s.must(os.WriteFile(s.path("go.4"), nil, 0o644))
	<-p.exited
	s.startKeepone()
	s.await("up")
	if left, _ := filepath.Glob(s.run + "/*.new"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// TestExecOperator: what an operator asks for while a job has the backend's place is never a second interpreter, and what
// he wanted is so when the job is over.
func TestExecOperator(t *testing.T) {
	t.Parallel()
	s := newJobSite(t, "")
	for n, c := range []struct {
		verb, then string
		code       int
	}{{"start-backend", "up", 1}, {"restart-backend", "up", 1}, {"reload", "up", 0}, {"upgrade", "up", 0}, {"stop-backend", "down", 0}} {
		p := s.startJob(exclusive, s.alone(fmt.Sprintf(`>var/begun.%[1]d; until test -e var/go.%[1]d; do sleep 0.05; done; exit 3`, n))...)
		s.awaitFile(fmt.Sprint("begun.", n))
		if a := s.keepone(c.verb); a.code != c.code || c.code == 1 && !strings.Contains(a.err, "process "+itoa(p.pid())) {
			t.Errorf("%s: exit code %d; stderr should name process %d where it is refused:\n%s", c.verb, a.code, p.pid(), a.err)
		}
		if pids := s.spawned(); len(pids) > 0 || !p.alive() {
			t.Errorf("%s: spawned %v, the job runs: %v", c.verb, pids, p.alive())
		}
		s.must(os.WriteFile(s.path(fmt.Sprint("go.", n)), nil, 0o644))
		<-p.exited
		if code := p.cmd.ProcessState.ExitCode(); code != 3 {
			t.Errorf("%s: the job's exit code is %d\n%s", c.verb, code, tail(p.log))
		}
		if st, _ := s.status(); st.State != c.then {
			t.Errorf("%s, and after the job it is %s", c.verb, st.State)
		}
	}
}
