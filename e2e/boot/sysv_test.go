package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sysvPackages = "sysvinit-core,insserv,sysv-rc,initscripts,lighttpd,curl,python3-minimal,procps,php-cgi"

const sysvSetup = `cp /mnt/keepone.init /etc/init.d/keepone && cp /mnt/keepone.default /etc/default/keepone
cp /mnt/witness /etc/init.d/
update-rc.d keepone defaults && update-rc.d witness defaults && update-rc.d lighttpd defaults
`

func TestSysV(t *testing.T) {
	s := bootInit(t, "sysv", sysvPackages, sysvSetup)
	i := ctl("service keepone %s")
	s.await("curl -sf http://127.0.0.1/pid.php")
	s.run("test -n \"$(find /run/lighttpd.pid -newer /run/keepone/php/php.sock)\"") // it was there before the web server
	s.operated(i)
	s.lsb()
	s.shutdown(true, "init 0")
}

// TestScriptUnderSystemd: where systemd runs, the script means its units.
func TestScriptUnderSystemd(t *testing.T) {
	s := bootInit(t, "systemd", systemdPackages, "cp /mnt/keepone@.service /usr/lib/systemd/system/ && systemctl enable lighttpd\n"+
		"cp /mnt/keepone.init /etc/init.d/keepone && cp /mnt/keepone.default /etc/default/keepone\n")
	s.await("systemctl is-active lighttpd")
	for _, try := range []struct{ command, code string }{
		{"status", "3"}, {"start", "0"}, {"status", "0"}, {"status php", "0"}, {"stop php", "0"}, {"status php", "3"}, {"start php", "0"}, {"force-reload", "0"},
	} {
		if code := s.code("/etc/init.d/keepone " + try.command); code != try.code {
			s.Errorf("%s: exit status %s, want %s\n%s", try.command, code, try.code, s.run("cat /tmp/said"))
		}
	}
	if before, after := s.underLoad("/etc/init.d/keepone restart"); before == after {
		s.Errorf("a restart left the backend %s", before)
	}
	s.run("systemctl is-active keepone@php")
}

// lsb tries the exit codes that nothing else has tried.
func (s *system) lsb() {
	s.Helper()
	script := "/etc/init.d/keepone"
	for _, try := range []struct{ before, command, code, says, after string }{
		{"", script, "2", "Usage:", ""},
		{"", script + " frobnicate", "2", "Usage:", ""},
		{"", script + " start nobody", "6", "/etc/keepone/nobody.toml", ""},
		{"", script + " reload nobody", "7", "does not run", ""},
		{"", script + " try-restart nobody", "0", "", ""},
		{"", script + " status nobody", "3", "does not run", ""},
		{"", script + " status php nobody", "3", "php: up", ""},
		{"", script + " force-reload php", "0", "", ""},
		{"", "setpriv --reuid www-data " + script + " restart", "4", "root", ""},
		{"mv /usr/bin/keepone /usr/bin/away", script + " restart", "5", "not installed", "mv /usr/bin/away /usr/bin/keepone"},
		{"mv /usr/bin/keepone /usr/bin/away", "RUNLEVEL=2 " + script + " start", "0", "", "mv /usr/bin/away /usr/bin/keepone"},
		{"keepone stop-backend php", script + " status", "3", "", ""},
		{"", script + " start", "0", "", "keepone status php"},
		{"echo [nonsense] >>/etc/keepone/php.toml", script + " full-restart", "6", "nonsense", "keepone status php"},
		{"kill -9 $(cat /run/keepone/php/keepone.pid)", script + " stop", "0", "nonsense", "! pgrep php-cgi"},
		{"service keepone stop", script + " start", "6", "nonsense", "! pgrep -x keepone"},
		{"sed -i '$d' /etc/keepone/php.toml; rm -f /run/keepone/php/php.sock; mkdir -p /run/keepone/php/php.sock", script + " start", "1", "php.sock", "! pgrep -x keepone && rmdir /run/keepone/php/php.sock"},
		{"", script + " restart", "0", "", "keepone status php"},
		{"", script + " full-restart php", "0", "", "keepone status php"},
		{"sed -i s/php/php/ /etc/default/keepone", script + " restart", "0", "", "ls /run/keepone.* && exit 1 || true"},
	} {
		s.run("true\n" + try.before)
		if code, said := s.code(try.command), s.run("cat /tmp/said"); code != try.code || !strings.Contains(said, try.says) {
			s.Errorf("after %q %s: exit status %s, want %s and %q\n%s", try.before, try.command, code, try.code, try.says, said)
		}
		s.run("true\n" + try.after)
	}
	s.run("curl -sf http://127.0.0.1/pid.php")
}

// shutdown ends the system while a request is answered slowly, and when keepone
// was stopped nothing of it was left. The request gets its answer where keepone
// drains before the web server is stopped.
func (s *system) shutdown(answered bool, command string) {
	s.Helper()
	share := filepath.Join(s.dir, "share")
	s.run("setsid -f curl -s -o /mnt/answer http://127.0.0.1/slow.php >/dev/null 2>&1; true")
	s.await("test -s /mnt/begun")
	s.try(command)
	s.ended()
	if left, _ := os.ReadFile(filepath.Join(share, "left")); string(left) != "the end\n" {
		s.Errorf("after keepone had been stopped there was %q", left)
	}
	if answer, _ := os.ReadFile(filepath.Join(share, "answer")); answered && string(answer) != "to the end\n" {
		s.Errorf("the request that was under way at shutdown got %q", answer)
	}
}
