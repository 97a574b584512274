package boot

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// An initSystem is how an administrator speaks to the init system about the site
// php: shell commands.
type initSystem struct {
	start, stop, restart, reload, status string
	respawns                             bool // it starts a keepone again that was killed
	restarts                             bool // restart is restart-backend
}

// ctl is the site's commands where a script is called with an action.
func ctl(format string) initSystem {
	do := func(action string) string { return fmt.Sprintf(format, action) }
	return initSystem{start: do("start"), stop: do("stop"), restart: do("restart"), reload: do("reload"), status: do("status"), restarts: true}
}

// code is the exit status of a command.
func (s *system) code(command string) string {
	s.Helper()
	out, _ := s.try("{ " + command + "; } >/tmp/said 2>&1; echo $?")
	return out
}

// keepone is the number of the process that is keepone.
func (s *system) keepone() string {
	s.Helper()
	return s.await("cat /run/keepone/php/keepone.pid")
}

// operated goes through what befalls a site between boot and shutdown.
func (s *system) operated(i initSystem) {
	s.Helper()
	s.await("curl -sf http://127.0.0.1/pid.php && " + i.status)
	s.run("python3 /mnt/syslogd.py </dev/null >/dev/null 2>&1")
	s.underLoad("keepone restart-backend && keepone restart-backend php", i.status)
	s.crashed()
	s.reloads(i)
	s.restarted(i)
	s.killedUnder(i)
	s.upgraded()
	s.stopped(i)
	s.await(`grep -E '^<30>.* keepone: php: ' /run/syslog`)
}

// underLoad runs commands while 200 requests come, of which none may fail, and
// returns the backends before and after.
func (s *system) underLoad(commands ...string) (before, after string) {
	s.Helper()
	before = s.backend()
	load := make(chan string)
	go func() { out, _ := s.try("sh /mnt/load"); load <- out }()
	for _, c := range commands {
		s.run(c)
	}
	if failed := <-load; failed != "0" {
		s.Errorf("%s of 200 requests failed during %q", failed, commands)
	}
	return before, s.backend()
}

// crashed kills the backend.
func (s *system) crashed() {
	s.Helper()
	before := s.backend()
	s.run("kill -9 " + before)
	if out := s.await("curl -sf http://127.0.0.1/pid.php"); out == "pid "+before {
		s.Errorf("%s answers after its death", before)
	}
}

// reloads changes what is only policy: in force, with the same backend.
func (s *system) reloads(i initSystem) {
	s.Helper()
	before := s.backend()
	s.run(`printf '[stop]\ntimeout = "4s"\n[memory]\nsoft = "777MiB"\n' >>/etc/keepone/php.toml`)
	s.run(i.reload)
	s.await("keepone status php --json | grep 814743552")
	if after := s.backend(); after != before {
		s.Errorf("backend %s before the reload, %s after", before, after)
	}
}

// A new program in the place of the one that runs, as a package puts it there.
const newProgram = "cp /usr/bin/keepone /usr/bin/keepone.new && mv /usr/bin/keepone.new /usr/bin/keepone"

// upgraded puts a new program in place under load, and says so to syslog.
func (s *system) upgraded() {
	s.Helper()
	keepone := s.keepone()
	if before, after := s.underLoad(newProgram, "keepone upgrade php"); before != after || s.keepone() != keepone {
		s.Errorf("an upgrade made backend %s of %s, keepone %s of %s", after, before, s.keepone(), keepone)
	}
	s.await("grep 'goes on in place' /run/syslog")
}

// restarted asks the init system for a restart under load.
func (s *system) restarted(i initSystem) {
	s.Helper()
	if !i.restarts { // keepone goes with it; then the site is there again
		before, keepone := s.backend(), s.keepone()
		s.run(i.restart)
		s.await("curl -sf http://127.0.0.1/pid.php && " + i.status)
		if s.backend() == before || s.keepone() == keepone {
			s.Errorf("%s left the backend %s or keepone %s", i.restart, before, keepone)
		}
		return
	}
	keepone := s.keepone()
	if before, after := s.underLoad(i.restart, i.restart); before == after {
		s.Errorf("%s left the backend %s", i.restart, before)
	}
	// By the configuration as it is now; and by none that is wrong.
	s.run(`printf '[environment]\nFRESH = "yes"\n' >>/etc/keepone/php.toml && ` + i.restart)
	s.run("tr '\\0' '\\n' </proc/" + s.backend() + "/environ | grep -x FRESH=yes")
	before := s.backend()
	s.run("echo [nonsense] >>/etc/keepone/php.toml")
	if code := s.code(i.restart); code == "0" || !strings.Contains(s.run("cat /tmp/said"), "nonsense") {
		s.Errorf("a restart with a wrong configuration: exit status %s\n%s", code, s.run("cat /tmp/said"))
	}
	if after := s.backend(); after != before {
		s.Errorf("a wrong configuration made backend %s of %s", after, before)
	}
	s.run("sed -i '$d' /etc/keepone/php.toml && " + i.status)
	if now := s.keepone(); now != keepone {
		s.Errorf("%s made keepone %s of keepone %s", i.restart, now, keepone)
	}
}

// killedUnder kills keepone: its backend serves on, and is adopted.
func (s *system) killedUnder(i initSystem) {
	s.Helper()
	before, keepone := s.backend(), s.keepone()
	s.run("kill -9 " + keepone)
	s.run("curl -sf http://127.0.0.1/pid.php")
	if !i.respawns {
		if code := s.code(i.status); code != "1" {
			s.Errorf("status of a site whose keepone was killed is %s, want 1:\n%s", code, s.run("cat /tmp/said"))
		}
		s.run(i.start)
	}
	s.await("test $(cat /run/keepone/php/keepone.pid) != " + keepone + " && " + i.status)
	if after := s.backend(); after != before {
		s.Errorf("backend %s before keepone was killed, %s after", before, after)
	}
	if i.respawns {
		return
	}
	// Killed again, a restart makes a fresh backend, and a stop leaves none.
	s.run("kill -9 " + s.keepone() + "; " + i.restart)
	if after := s.backend(); after == before {
		s.Errorf("a restart left the backend %s, which had outlived its keepone", before)
	}
	after := s.backend()
	s.run("kill -9 " + s.keepone() + "; " + i.stop)
	s.left(after)
	s.run(i.start + " && curl -sf http://127.0.0.1/pid.php")
}

// left checks that a stop left no process, and nothing in /run.
func (s *system) left(backend string) {
	s.Helper()
	out := s.run("grep '^State:.[^Z]' /proc/" + backend + "/status 2>/dev/null; pgrep -a -r D,R,S,T php-cgi; pgrep -a -r D,R,S,T -f '^/usr/bin/keepone run'; find /run/keepone -mindepth 2; true")
	if out != "" {
		s.Errorf("after the stop there is still %q", out)
	}
}

// stopped stops and starts twice: the second time is a success that does nothing.
func (s *system) stopped(i initSystem) {
	s.Helper()
	s.run(newProgram) // who runs is stopped, though its program is gone
	backend, keepone := s.backend(), s.keepone()
	for _, want := range []struct{ command, code string }{
		{i.start, "0"}, {i.status, "0"}, {i.stop, "0"}, {i.stop, "0"}, {i.status, "3"}, {i.start, "0"}, {i.start, "0"},
	} {
		if code := s.code(want.command); code != want.code {
			s.Errorf("%s: exit status %s, want %s\n%s", want.command, code, want.code, s.run("cat /tmp/said"))
		}
		switch {
		case want.command == i.start && want.code == "0" && backend != "":
			if now := s.keepone(); now != keepone {
				s.Errorf("a second start made keepone %s of %s", now, keepone)
			}
		case want.command == i.stop && backend != "":
			s.left(backend)
			backend = ""
		}
	}
	s.await("curl -sf http://127.0.0.1/pid.php && " + i.status)
}

// ended waits until the system's init is gone.
func (s *system) ended() {
	s.Helper()
	pid := script(s.T, "cat", filepath.Join(s.dir, "pid"))
	for range 900 {
		if _, err := os.Stat("/proc/" + pid); err != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.Fatalf("the system has not come to its end")
}
