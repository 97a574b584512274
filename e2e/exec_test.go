package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// job is the command line of keepone exec; flags stand before the name of the site.
func (s *site) job(flags []string, command ...string) []string {
	argv := append([]string{keepone, "exec", "-c", s.config, "--run-dir", s.run}, flags...)
	return append(append(argv, "--"), command...)
}

// runJob runs a job to its end, by a shell, whose exit status is what a user would see.
func (s *site) runJob(flags []string, command ...string) answer {
	s.t.Helper()
	var out, err strings.Builder
	cmd := exec.Command("/bin/sh", append([]string{"-c", `"$@"; exit $?`, "sh"}, s.job(flags, command...)...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = s.environ(), &out, &err, time.Second
	_ = cmd.Run() // the exit code says it
	return answer{out.String(), err.String(), cmd.ProcessState.ExitCode()}
}

// startJob runs a job in the background.
func (s *site) startJob(flags []string, command ...string) *process {
	s.t.Helper()
	p, err := start(s.path("job."+itoa(len(s.groups))), s.environ(), -1, s.job(flags, command...)...)
	s.must(err)
	s.groups = append(s.groups, p.pid())
	return p
}

// alone is a job that records a violation where a backend or another job of the kind lives, and is one for them.
func (s *site) alone(shell string) []string {
	return []string{s.dir + "/one.sh", "/bin/sh", "-c", shell}
}

// newJobSite is a site whose backend is proved to be alone by one.sh.
func newJobSite(t *testing.T, front string) *site {
	t.Helper()
	command, set := backend(t, "threaded.py")
	set["drain.patience"], set["stop.timeout"] = "200ms", "2s"
	return newRunningSite(t, plan{front: front, command: command, settings: set})
}

var exclusive = []string{"--exclusive"}

// TestExecStatus: exec ends as the job does, beside the backend and in its place; the job has the backend's user,
// directory and environment, and exec's own input and output.
func TestExecStatus(t *testing.T) {
	t.Parallel()
	s := newJobSite(t, "")
	user, _ := account()
	a := s.runJob(nil, "/bin/sh", "-c", `id -un; pwd; echo "$E2E_SITE"; echo oops >&2`)
	if want := user + "\n" + s.dir + "\n" + s.dir + "\n"; a.code != 0 || a.out != want || !strings.Contains(a.err, "oops") {
		t.Errorf("exit code %d, said %q, want %q\n%s", a.code, a.out, want, a.err)
	}
	for _, flags := range [][]string{nil, exclusive} {
		for _, c := range []struct {
			code    int
			command []string
		}{
			{0, []string{"true"}},
			{3, []string{"/bin/sh", "-c", "exit 3"}},
			{127, []string{"/nonexistent/program"}},
			{130, []string{"/bin/sh", "-c", "kill -INT $$"}},
			{143, []string{"/bin/sh", "-c", "kill -TERM $$"}},
		} {
			if a := s.runJob(flags, c.command...); a.code != c.code {
				t.Errorf("exec %v -- %q: exit code %d\n%s", flags, c.command, a.code, a.err)
			}
			s.await("up")
		}
	}
}

// TestExecInTurn: a second job waits for the first, and says for whom; with --timeout it gives up.
func TestExecInTurn(t *testing.T) {
	t.Parallel()
	s := newJobSite(t, "")
	ours := s.await("up").Backend.PID
	lock := `exec 8>>var/turn; flock -n 8 || { echo two jobs >>"$ONE_VIOLATIONS"; exit 99; }; `
	first := s.startJob(nil, "/bin/sh", "-c", lock+`>var/begun; until test -e var/go; do sleep 0.05; done; exit 4`)
	s.awaitFile("begun")
	job := descendants(first.pid(), nil)[0]
	if a := s.runJob([]string{"--timeout", "500ms"}, "/bin/sh", "-c", lock); a.code != 1 || !strings.Contains(a.err, "process "+itoa(job)+" (") {
		t.Errorf("exit code %d, and stderr should name process %d:\n%s", a.code, job, a.err)
	}
	second := s.startJob(nil, "/bin/sh", "-c", lock+"exit 5")
	third := s.startJob(exclusive, "/bin/sh", "-c", lock+"exit 6")
	for _, p := range []*process{second, third} {
		await(t, 20*time.Second, "a job says whom it waits for", func() bool {
			return strings.Contains(tail(p.log), "waiting for process "+itoa(job)+" (")
		})
	}
	if st := s.await("up"); st.Backend.PID != ours {
		t.Error("a job that waits has stopped the backend")
	}
	s.must(os.WriteFile(s.path("go"), nil, 0o644))
	for code, p := range map[int]*process{4: first, 5: second, 6: third} {
		<-p.exited
		if got := p.cmd.ProcessState.ExitCode(); got != code {
			t.Errorf("exit code %d, not %d: %s", got, code, tail(p.log))
		}
	}
	s.await("up")
}

// awaitFile waits until a job has made one.
func (s *site) awaitFile(name string) {
	s.t.Helper()
	await(s.t, 20*time.Second, "there is "+name, func() bool { _, err := os.Stat(s.path(name)); return err == nil })
}

// TestExecRoom: what a command took is remembered; where that is more than there is, it is refused beside the backend, and
// run in its place.
func TestExecRoom(t *testing.T) {
	t.Parallel()
	s := newJobSite(t, "")
	big := []string{need(t, "python3"), "-c", "import time; x = b'x' * (50 << 20); time.sleep(0.5)"}
	if a := s.runJob(nil, big...); a.code != 0 {
		t.Fatalf("exit code %d\n%s", a.code, a.err)
	}
	file := s.run + ".jobs"
	text, err := os.ReadFile(file)
	s.must(err)
	t.Cleanup(func() { os.Remove(file) })
	var learnt []map[string]any
	s.must(json.Unmarshal(text, &learnt))
	if peak, _ := learnt[0]["peak"].(float64); len(learnt) != 1 || peak < 50<<20 || peak > 120<<20 {
		t.Errorf("a job of 50 MiB is remembered as %s", text)
	}
	learnt[0]["peak"] = 1 << 50
	text, err = json.Marshal(learnt)
	s.must(err, os.WriteFile(file, text, 0o600))
	before := s.await("up").Backend.PID
	a := s.runJob(nil, big...)
	if a.code != 1 || !strings.Contains(a.err, "hint: ") || !strings.Contains(a.err, "keepone exec --exclusive "+s.name()) {
		t.Errorf("exit code %d, and stderr should advise --exclusive:\n%s", a.code, a.err)
	}
	if st := s.await("up"); st.Backend.PID != before {
		t.Error("a refused job has replaced the backend")
	}
	if a := s.runJob(nil, "true"); a.code != 0 {
		t.Errorf("another command: exit code %d\n%s", a.code, a.err)
	}
	if a := s.runJob(exclusive, big...); a.code != 0 {
		t.Errorf("in the backend's place: exit code %d\n%s", a.code, a.err)
	}
	if a := s.runJob(nil, big...); a.code != 0 {
		t.Errorf("after it was learnt anew: exit code %d\n%s", a.code, a.err)
	}
}

// TestExecExclusive: under load the backend finishes what it has, requests wait while the job runs, and none is lost; at no
// moment do both live.
func TestExecExclusive(t *testing.T) {
	t.Parallel()
	s := newJobSite(t, "lighttpd")
	before := s.await("up").Backend.PID
	slow := make(chan outcome, 1)
	go func() { slow <- ask(newClient(), s.url, "/sleep?ms=1500") }()
	s.awaitThat("the slow request is active", func(st state) bool { return st.Queue.Active > 0 })
	l := openLoop(t, s.url, visitors...)
	for n := range 3 {
		p := s.startJob(exclusive, s.alone(fmt.Sprintf(`>var/begun.%[1]d; until test -e var/go.%[1]d; do sleep 0.05; done; exit 3`, n))...)
		s.awaitFile(fmt.Sprint("begun.", n))
		st := s.awaitThat("requests wait", func(st state) bool { return st.Queue.Pending >= 5 })
		if st.State != "down" || st.Backend.PID != 0 || st.Job != p.pid() {
			t.Errorf("while process %d has the backend's place: %+v", p.pid(), st)
		}
		s.must(os.WriteFile(s.path(fmt.Sprint("go.", n)), nil, 0o644))
		<-p.exited
		if code := p.cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(tail(p.log), "requests wait while") {
			t.Errorf("exit code %d\n%s", code, tail(p.log))
		}
		if st, ok := s.status(); !ok || st.State != "up" || st.Job != 0 { // exec returns when it is
			t.Errorf("after the job: %+v", st)
		}
	}
	if o := <-slow; o.err != nil || o.backend != before {
		t.Errorf("the slow request: answered by %d, the backend was %d: %v", o.backend, before, o.err)
	}
	l.lossless(t)
}

// TestExecMaxTime: a job that takes too long is ended with all that it has started, and the backend comes back. One that was
// stopped before stays so.
func TestExecMaxTime(t *testing.T) {
	t.Parallel()
	s := newJobSite(t, "")
	p := s.startJob([]string{"--exclusive", "--max-time", "1s"}, s.alone("setsid sleep 600 & trap '' TERM; >var/begun; while :; do sleep 1; done")...)
	s.awaitFile("begun")
	<-p.exited
	if code := p.cmd.ProcessState.ExitCode(); code != 137 || !strings.Contains(tail(p.log), "its time of 1s is over") {
		t.Errorf("exit code %d\n%s", code, tail(p.log))
	}
	s.await("up")
	s.do("stop-backend")
	if a := s.runJob(exclusive, s.alone("exit 0")...); a.code != 0 {
		t.Errorf("exit code %d\n%s", a.code, a.err)
	}
	if st := s.await("down"); st.Backend.PID != 0 {
		t.Errorf("the backend was stopped, and is process %d after a job", st.Backend.PID)
	}
}
