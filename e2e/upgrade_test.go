package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// own makes the site run a keepone of its own, which can be replaced as a package replaces one.
func (s *site) own() string {
	s.t.Helper()
	path := filepath.Join(s.dir, "keepone")
	s.install(path, keepone)
	return path
}

// install puts a copy of a program at a path, by rename: the running one keeps its file.
func (s *site) install(path, program string) {
	s.t.Helper()
	s.must(copyFile(path+".new", program))
	s.must(os.Rename(path+".new", path))
}

// TestUpgrade: keepone replaces itself again and again under load. Its process, the backend and its history stay; nothing
// is lost, and an exit of the backend is known as of a child's.
func TestUpgrade(t *testing.T) {
	for _, name := range []string{"php-cgi", "threaded.py"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command, set := backend(t, name)
			upgrades(t, plan{front: "lighttpd", command: command, settings: set})
		})
	}
}

func upgrades(t *testing.T, p plan) {
	t.Helper()
	p.settings["drain.patience"] = "200ms"
	s := newSite(t, p)
	program := s.own()
	s.startAs(program)
	s.await("up")
	s.startWeb()
	knocked := s.knock(t, 3*time.Millisecond)
	l := openLoop(t, s.url, everyday...)
	fds := descriptors(t, s.supervisor.pid())
	for i := range 5 {
		s.install(program, keepone)
		before := s.awaitThat("there is some history", func(st state) bool { return st.State == "up" && st.Backend.Peak > 0 })
		s.do("upgrade")
		after := s.await("up")
		if after.Supervisor.PID != before.Supervisor.PID || after.Backend.PID != before.Backend.PID ||
			after.Restarts.Total != before.Restarts.Total || after.Backend.Peak < before.Backend.Peak || after.Supervisor.Upgrades != i+1 {
			t.Errorf("before: %+v\nafter: %+v", before, after)
		}
		s.do("restart-backend")
	}
	st := s.await("up")
	if n := descriptors(t, s.supervisor.pid()); n > fds+2 {
		t.Errorf("%d descriptors, %d before the upgrades", n, fds)
	}
	l.lossless(t)
	if n, err := knocked(); err != nil {
		t.Errorf("after %d connections: %v", n, err)
	}
	s.do("upgrade")
	s.kill(st.Backend.PID)
	s.awaitThat("the exit is known", func(st state) bool { return strings.Contains(st.Restarts.Last.Exit, "SIGKILL") })
}

// TestUpgradeRefused: a program that does not run, or does not take the configuration, leaves the running one in its place.
func TestUpgradeRefused(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newSite(t, plan{front: "lighttpd", command: command, settings: set})
	program := s.own()
	s.startAs(program)
	s.await("up")
	s.startWeb()
	before := s.await("up")
	for what, spoil := range map[string]func(){
		"Exec format error, or such": func() {
			s.must(os.WriteFile(program+".new", []byte("rubbish"), 0o755), os.Rename(program+".new", program))
		},
		"no such file": func() { s.must(os.Remove(program)) },
		"a bad word in the new brain": func() {
			s.must(os.WriteFile(program+".new", []byte("#!/bin/sh\necho a bad word in the new brain\nexit 7\n"), 0o755), os.Rename(program+".new", program))
		},
		"memory.hard": func() {
			s.install(program, keepone)
			s.configure(settings{"memory.hard": "lots"})
		},
	} {
		spoil()
		a := s.keepone("upgrade")
		if a.code != 1 || !strings.Contains(a.err, "stays") {
			t.Errorf("%s: exit code %d\n%s", what, a.code, a.err)
		}
		if strings.Contains(what, "brain") || strings.Contains(what, ".") {
			if !strings.Contains(a.err, what) {
				t.Errorf("the refusal does not say %q:\n%s", what, a.err)
			}
		}
		if o := ask(newClient(), s.url, "/fast"); o.err != nil || o.backend != before.Backend.PID {
			t.Errorf("%s: answered by %d, %v", what, o.backend, o.err)
		}
	}
	if st := s.await("up"); st.Supervisor.PID != before.Supervisor.PID || st.Supervisor.Upgrades != 0 {
		t.Errorf("%+v", st.Supervisor)
	}
}

// TestUpgradeWithoutBackend: down stays down, who waits goes on waiting, and a start finds them.
func TestUpgradeWithoutBackend(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	s.do("stop-backend")
	waiting := make(chan outcome, 3)
	for range cap(waiting) {
		go func() { waiting <- ask(newClient(), s.url, "/fast") }()
	}
	s.awaitThat("three wait", func(st state) bool { return st.Queue.Pending == cap(waiting) })
	s.do("upgrade")
	if st := s.await("down"); st.Queue.Pending != cap(waiting) {
		t.Errorf("%d wait after the upgrade", st.Queue.Pending)
	}
	s.do("start-backend")
	for range cap(waiting) {
		if o := <-waiting; o.err != nil {
			t.Error(o.err)
		}
	}
}

// TestUpgradeDuringRestart: an upgrade waits for a restart under way, and whoever asked for that is told of its outcome.
func TestUpgradeDuringRestart(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["drain.patience"] = "100ms"
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	for range 3 {
		slow := make(chan outcome, 1)
		go func() { slow <- ask(newClient(), s.url, "/slow") }()
		s.awaitThat("a request is under way", func(st state) bool { return st.Queue.Active == 1 })
		cli := s.background("restart-backend")
		s.await("draining")
		s.do("upgrade")
		if err := cli.Wait(); err != nil {
			t.Errorf("restart-backend was not told of its success: %v", err)
		}
		if o := <-slow; o.err != nil {
			t.Error(o.err)
		}
		s.await("up")
	}
}

// TestForgedEstate: what another process claims to have left is not believed.
func TestForgedEstate(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{command: command, settings: set})
	before := s.await("up")
	forged := filepath.Join(s.dir, "estate")
	s.must(os.WriteFile(forged, []byte(`{"state":{"version":1},"lock":0,"control":1,"sockets":[2]}`), 0o600))
	p, err := start(filepath.Join(s.dir, "forged.log"), append(s.environ(), "KEEPONE_ESTATE=3"), -1,
		"sh", "-c", `exec 3<"$0"; exec "$@"`, forged, keepone, "run", "-c", s.config, "--run-dir", s.run)
	s.must(err)
	await(t, 10*time.Second, "it gives up", func() bool { return !p.alive() })
	if log := tail(filepath.Join(s.dir, "forged.log")); !strings.Contains(log, "cannot believe the estate") {
		t.Errorf("it says:\n%s", log)
	}
	if st := s.await("up"); st.Backend.PID != before.Backend.PID {
		t.Errorf("%+v", st)
	}
}

// TestStopDuringUpgrade: a SIGTERM at any moment of an upgrade is a clean stop, but for the few milliseconds in which no
// program can catch it: then the backend is adopted by the next keepone, which stops cleanly. It is never lost.
func TestStopDuringUpgrade(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newSite(t, plan{command: command, settings: set})
	for i := range 20 {
		s.startKeepone()
		s.await("up")
		cli := s.background("upgrade")
		time.Sleep(time.Duration(20+i*3) * time.Millisecond) // any moment
		if !s.supervisor.end(syscall.SIGTERM, 20*time.Second) {
			t.Fatal("keepone does not stop")
		}
		_ = cli.Wait() // it may have come too late
		ended := s.supervisor.cmd.ProcessState
		if killed := ended.Sys().(syscall.WaitStatus); killed.Signaled() && killed.Signal() == syscall.SIGTERM {
			if left := len(s.processes()); left == 0 {
				t.Error("keepone ended in the middle of its execve, and its backend with it")
			}
			s.startKeepone()
			s.awaitThat("it is adopted", func(st state) bool { return st.State == "up" && st.Backend.Adopted })
			s.supervisor.end(syscall.SIGTERM, 20*time.Second)
			ended = s.supervisor.cmd.ProcessState
		}
		if code := ended.ExitCode(); code != 0 {
			t.Errorf("keepone ended with %d (%v)", code, ended)
		}
		await(t, 5*time.Second, "no backend is left", func() bool { return len(s.processes()) == 0 })
	}
	// A backend that was started after an upgrade hears the stop signal.
	s.startKeepone()
	s.await("up")
	s.do("upgrade")
	s.do("restart-backend")
	if text, err := os.ReadFile("/proc/" + itoa(s.await("up").Backend.PID) + "/status"); err != nil || !strings.Contains(string(text), "SigBlk:\t0000000000000000\n") {
		t.Errorf("it was handed a mask of signals:\n%s%v", text, err)
	}
	s.do("stop-backend")
	s.do("start-backend")
	if st := s.await("up"); !strings.Contains(st.LastExit, "SIGTERM") {
		t.Errorf("the backend ended: %s", st.LastExit)
	}
}

// TestUpgradesAtOnce: several operators, or two package scripts, ask at a time; one exec serves them all.
func TestUpgradesAtOnce(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	before := s.await("up")
	calls := []*exec.Cmd{s.background("upgrade"), s.background("upgrade"), s.background("upgrade")}
	for _, call := range calls {
		if err := call.Wait(); err != nil {
			t.Errorf("an upgrade among three: %v", err)
		}
	}
	if st := s.await("up"); st.Supervisor.Upgrades == 0 || st.Backend.PID != before.Backend.PID {
		t.Errorf("%+v", st)
	}
}
