package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestRivalsWarn: "warn" says who it is and does nothing.
func TestRivalsWarn(t *testing.T) {
	t.Parallel()
	s := newDoubleSite(t, "", settings{"single.rivals": "warn"})
	d := s.byHand(s.path("own.sock"))
	s.startKeepone()
	st := s.await("up")
	s.named(d)
	s.do("restart-backend")
	if now := s.await("up"); now.Backend.PID == st.Backend.PID {
		t.Error("nothing was restarted")
	}
	if !running(d.pid) {
		t.Error("the rival was ended")
	}
	d.gone()
}

// TestRivalsReplace: "replace" ends who comes beside the backend, also one that ignores the stop signal, and one that took
// the path, whose requests are finished first.
func TestRivalsReplace(t *testing.T) {
	t.Parallel()
	s := newUpSite(t, settings{"single.rivals": "replace", "stop.timeout": "1s"})
	ours := s.await("up").Backend.PID
	for _, d := range []*double{
		s.byHand(s.path("own.sock")),
		s.orphan(s.path("own.sock"), "", append(slices.Clone(s.plan.command), "ignore-sigterm")...),
	} {
		await(t, 30*time.Second, fmt.Sprintf("process %d is ended", d.pid), func() bool { return !running(d.pid) })
	}
	d := s.byHand(s.socket)
	slow := make(chan outcome, 1)
	go func() { slow <- ask(newClient(), s.url, "/sleep?ms=5000") }()
	o := <-slow
	if o.err != nil || o.backend != d.pid && o.backend != ours {
		t.Errorf("the slow request: answered by %d, ours is %d, the rival %d: %v", o.backend, ours, d.pid, o.err)
	}
	await(t, 30*time.Second, "the rival at the path is ended", func() bool { return !running(d.pid) })
	s.awaitThat("nobody is named", func(st state) bool { return len(st.Rivals) == 0 })
	if o := ask(newClient(), s.url, "/fast"); o.err != nil || o.backend != ours {
		t.Errorf("answered by %d, ours is %d: %v", o.backend, ours, o.err)
	}
}

// TestRivalsReplaceSupervised: whom supervisord would start again is ended by supervisorctl, and stays away.
func TestRivalsReplaceSupervised(t *testing.T) {
	t.Parallel()
	s := newDoubleSite(t, "", settings{"single.rivals": "replace"})
	s.startKeepone()
	s.await("up")
	d := s.supervised(s.path("own.sock"))
	await(t, 30*time.Second, "supervisord says STOPPED", func() bool { return d.stopped() })
	s.awaitThat("nobody is named", func(st state) bool { return len(st.Rivals) == 0 })
	d.gone()
}

// stopped asks supervisord whether the program is, for good.
func (d *double) stopped() bool {
	out, _ := exec.Command(d.stop[0], "-c", d.stop[2], "status", "app").CombinedOutput() // its exit status is the program's
	return strings.Contains(string(out), "STOPPED")
}

// bystanders are processes that have to do with the site's script and are no interpreter of this site.
func (s *site) bystanders() map[string]*process {
	s.t.Helper()
	python, copied := need(s.t, "python3"), filepath.Join(s.dir, "copy")
	s.must(os.MkdirAll(copied, 0o755))
	for _, file := range []string{"double.py", "threaded.py", "respond.py"} {
		s.must(copyFile(filepath.Join(copied, file), filepath.Join(s.dir, file)))
	}
	script := filepath.Join(s.dir, "double.py")
	all := map[string]*process{}
	run := func(name, dir, socket string, argv ...string) {
		_, uid := account()
		shell := `cd "$1"; shift; exec "$@"`
		p, err := start(s.path("bystanders.log"), bound(s.environ(), socket), uid, append([]string{"/bin/sh", "-c", shell, "sh", dir}, argv...)...)
		s.must(err)
		all[name] = p
	}
	hold := "import signal, sys; f = open(sys.argv[1]); signal.pause()"
	run("an editor", s.dir, "", python, "-c", hold, script)
	run("a pager", s.dir, "", need(s.t, "tail"), "-f", script)
	run("a compiler", s.dir, "", "/bin/sh", "-c", `while :; do "$1" -m py_compile double.py; sleep 0.3; done`, "sh", python)
	run("a copy", copied, s.path("copy.sock"), python, "double.py")
	run("another site", copied, s.path("other.sock"), python, filepath.Join(copied, "threaded.py"), "double.py")
	run("a job", s.dir, "", python, "double.py", "migrate")
	return all
}

// TestNoFalseAlarm: editors, compilers, copies, other sites and jobs block nothing and are named nowhere, before the first
// spawn, before restarts and beside the backend.
func TestNoFalseAlarm(t *testing.T) {
	t.Parallel()
	s := newDoubleSite(t, "", settings{"alert.command": tells})
	others := s.bystanders()
	s.startKeepone()
	for range 3 {
		if st := s.await("up"); len(st.Rivals) > 0 {
			t.Errorf("named: %+v", st.Rivals)
		}
		s.do("restart-backend")
	}
	d := s.byHand(s.path("own.sock"))
	s.named(d) // so that the bystanders have been looked at beside the backend, too
	if told := s.told(1); len(told) != 1 || !strings.Contains(told[0][1], itoa(d.pid)) {
		t.Errorf("told: %q", told)
	}
	d.gone()
	for name, p := range others {
		if name != "another site" && !p.alive() {
			t.Errorf("%s has ended: %s", name, tail(p.log))
		}
		p.end(syscall.SIGKILL, 5*time.Second)
	}
}

// TestRivalOfAnotherKeepone: the backend of another keepone is a site of its own, unless it is the same script with the
// same arguments; then it is named with the command that stops it.
func TestRivalOfAnotherKeepone(t *testing.T) {
	t.Parallel()
	first, second := newDoubleSite(t, "", nil), newDoubleSite(t, "", nil)
	first.startKeepone()
	up := first.await("up")
	second.startKeepone()
	if st := second.await("up"); len(st.Rivals) > 0 {
		t.Errorf("another site is named: %+v", st.Rivals)
	}
	second.plan.settings["backend.directory"] = first.dir
	second.configure(second.plan.settings)
	second.do("reload")
	if a := second.keepone("restart-backend"); a.code != 1 || !strings.Contains(a.err, "keepone stop-backend "+first.name()) {
		t.Errorf("restart-backend: exit code %d, and stderr should name %s:\n%s", a.code, first.name(), a.err)
	}
	// Not at once: a search that was under way by the former configuration may end only now.
	second.awaitThat("the other keepone is named", func(st state) bool {
		return st.State == "up" && len(st.Rivals) == 1 && st.Rivals[0].PID == up.Backend.PID &&
			st.Rivals[0].Origin == fmt.Sprintf("another keepone (process %d, %s)", first.supervisor.pid(), first.name())
	})
	first.do("stop-backend")
	second.do("restart-backend")
}
