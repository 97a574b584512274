package boot

import (
	"os"
	"strings"
	"testing"
	"time"
)

// suites are the Debians whose systemd is tried: 247, 252 and 257.
var suites = []string{"bullseye", "bookworm", "trixie"}

const (
	suitePackages = systemdPackages + ",php-sqlite3,libpam-systemd,dbus-user-session"
	// A getty would hang the console up, to which init says what it does.
	systemdSetup = "install -Dm 644 /mnt/keepone@.service /usr/lib/systemd/system/keepone@.service && systemctl enable keepone@php lighttpd && systemctl mask console-getty\n"
)

// systemdShare is what systems with systemd find in /mnt.
func systemdShare(t *testing.T) map[string]string {
	t.Helper()
	return with(map[string]string{
		"keepone@.service": unit(t, "keepone@.service"),
		"setup":            install + "cp /mnt/slow.php /srv/\n" + systemdSetup,
		"slow.php":         `<?php touch('/tmp/slow'); usleep(1500000); echo "finished\\n";`,
		"last.conf": `[Service]
ExecStopPost=/bin/sh -c 'pgrep php-cgi >/mnt/last; echo $SERVICE_RESULT >>/mnt/last'
`,
	})
}

// bootSuite boots one of the suites.
func bootSuite(t *testing.T, suite string, share map[string]string) *system {
	t.Helper()
	if testing.Short() {
		t.Skip("make test-boot boots every Debian")
	}
	t.Setenv("SUITE", suite)
	return boot(t, "systemd", suitePackages, share)
}

// TestSuites: the same life on each Debian.
func TestSuites(t *testing.T) {
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			s := bootSuite(t, suite, systemdShare(t))
			s.await("curl -sf http://127.0.0.1/pid.php")
			s.verified()
			s.upFirst()
			s.lossless("keepone restart-backend && keepone restart-backend && systemctl restart keepone@php && systemctl reload keepone@php")
			s.killed()
			s.crashed()
			s.shows()
			s.onlyReloads()
			s.loops()
			s.watched()
			s.overdue()
			pid := s.backend()
			s.run("systemctl stop keepone@php")
			s.gone(pid)
			s.run("systemctl start keepone@php && curl -sf http://127.0.0.1/pid.php")
			s.poweroff()
		})
	}
}

// verified checks that this systemd knows every line of the unit. The manual is
// not in the system.
func (s *system) verified() {
	s.Helper()
	out := s.run("systemd-analyze verify keepone@php.service 2>&1 | grep -v \"Command 'man keepone\"; true")
	if out != "" {
		s.Errorf("systemd-analyze verify says\n%s", out)
	}
	if out := s.run("journalctl -b -o cat _PID=1 | grep -i 'keepone.*\\(unknown\\|ignoring\\)'; true"); out != "" {
		s.Errorf("the journal says\n%s", out)
	}
}

// upFirst checks that the socket was there before the web server was started.
func (s *system) upFirst() {
	s.Helper()
	out := s.run("systemctl show -p ActiveEnterTimestampMonotonic --value keepone@php && systemctl show -p ExecMainStartTimestampMonotonic --value lighttpd")
	if at := strings.Fields(out); len(at) != 2 || len(at[0]) > len(at[1]) || len(at[0]) == len(at[1]) && at[0] > at[1] {
		s.Errorf("keepone is active and lighttpd begins, microseconds after the boot: %s", out)
	}
}

// lossless runs commands while requests come: none may fail.
func (s *system) lossless(commands string) {
	s.Helper()
	load := make(chan string)
	go func() { out, _ := s.try("sh /mnt/load"); load <- out }()
	out, err := s.try(commands)
	if failed := <-load; failed != "0" {
		s.Errorf("%s of 200 requests failed during %s", failed, commands)
	}
	if err != nil {
		s.Errorf("%s: %v\n%s", commands, err, out)
	}
}

// shows checks what an administrator sees first.
func (s *system) shows() {
	s.Helper()
	s.await(`systemctl status --no-pager keepone@php | grep 'Status: "up, [0-9.]* [KM]iB'`)
}

// poweroff shuts the system down while the backend has a request, which is
// finished first. The web server is down by then, so the request comes from
// here. In the end nothing of the system is left.
func (s *system) poweroff() {
	s.Helper()
	s.run("mkdir -p /etc/systemd/system/keepone@php.service.d && cp /mnt/last.conf /etc/systemd/system/keepone@php.service.d/ && systemctl daemon-reload")
	init, err := os.ReadFile(s.dir + "/pid")
	if err != nil {
		s.Fatal(err)
	}
	answer := make(chan string)
	go func() {
		answer <- fastcgi("/proc/"+strings.TrimSpace(string(init))+"/root/run/keepone/php/php.sock", "/srv/slow.php")
	}()
	s.await("test -e /tmp/slow")
	s.run("systemctl poweroff")
	if got := <-answer; !strings.Contains(got, "finished") {
		s.Errorf("the request at shutdown was answered %q", got)
	}
	s.off(strings.TrimSpace(string(init)))
	if text, err := os.ReadFile(s.dir + "/share/last"); string(text) != "success\n" {
		s.Errorf("after the stop of the unit at shutdown: %q, %v", text, err)
	}
}

// off returns when the system's init, as that process is called here, has ended.
func (s *system) off(init string) {
	s.Helper()
	for range 600 {
		if _, err := os.Stat("/proc/" + init); err != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.Error("the system does not go off")
}
