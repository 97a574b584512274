// Package boot tries keepone on systems that really boot: Debian's own init as
// PID 1 of its own namespaces (see the scripts boot and root beside this file).
package boot

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A system is one booted Debian.
type system struct {
	*testing.T
	dir string
}

const systemdPackages = "systemd-sysv,dbus,lighttpd,curl,python3-minimal,procps,php-cgi"

// boot starts a system whose setup script ran first. share is what appears as
// /mnt: file name to content.
func boot(t *testing.T, kind, packages string, share map[string]string) *system {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can boot a system in namespaces of its own")
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		t.Skipf("no Debian root can be made: %v", err)
	}
	root := script(t, "./root", kind, packages)
	dir, err := os.MkdirTemp("", "keepone-"+kind+"-")
	if err != nil {
		t.Fatal(err)
	}
	s := &system{t, dir}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("console:\n%s", script(t, "./boot", "log", dir))
		}
		script(t, "./boot", "down", dir)
	})
	if err := os.Mkdir(filepath.Join(dir, "share"), 0o755); err != nil {
		t.Fatal(err)
	}
	build(t, filepath.Join(dir, "share", "keepone"))
	for name, text := range share {
		if err := os.WriteFile(filepath.Join(dir, "share", name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script(t, "./boot", "up", dir, root)
	return s
}

func build(t *testing.T, path string) {
	t.Helper()
	c := exec.Command("go", "build", "-trimpath", "-buildmode=exe",
		"-ldflags", "-s -w -X runtime.godebugDefault=disablethp=1", "-o", path, "keepone/cmd/keepone")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("cannot build keepone: %v\n%s", err, out)
	}
}

// script runs one of the scripts beside this file and returns what it prints.
func script(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// try runs a shell command in the system.
func (s *system) try(command string) (string, error) {
	out, err := exec.Command("./boot", "in", s.dir, "sh", "-c", command).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// run is try where a failure is the test's.
func (s *system) run(command string) string {
	s.Helper()
	out, err := s.try(command)
	if err != nil {
		s.Fatalf("%s: %v\n%s", command, err, out)
	}
	return out
}

// await repeats a command until it succeeds.
func (s *system) await(command string) string {
	s.Helper()
	var out string
	var err error
	for range 600 {
		if out, err = s.try(command); err == nil {
			return out
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.Fatalf("%s: %v\n%s", command, err, out)
	return ""
}

// A site for every init: lighttpd in front of php-cgi behind keepone.
var site = map[string]string{
	"php.toml": `[backend]
command = ["php-cgi"]
user = "www-data"
[socket]
path = "/run/keepone/php/php.sock"
[drain]
patience = "100ms"
`,
	"lighttpd.conf": `server.modules = ("mod_fastcgi")
server.document-root = "/srv"
server.port = 80
server.bind = "127.0.0.1"
server.username = "www-data"
server.groupname = "www-data"
fastcgi.server = (
	".php" => (("socket" => "/run/keepone/php/php.sock", "check-local" => "disable")),
	".old" => (("socket" => "/run/old/old.sock", "check-local" => "disable")),
	".given" => (("socket" => "/run/given.sock", "check-local" => "disable")))
`,
	"pid.php": `<?php usleep(20000); echo "pid ", getmypid(), "\n";`,
	// 200 requests, four at a time; prints how many were not answered with 200.
	"load": `#!/bin/sh
seq 200 | xargs -P 4 -I{} curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1/${1:-pid.php} | grep -vc '^200$'
`,
}

// with adds what is particular to an init.
func with(extra map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range []map[string]string{site, stored, old, extra} {
		for name, text := range m {
			all[name] = text
		}
	}
	return all
}

func unit(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../initscripts/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const install = `set -e
cp /mnt/keepone /usr/bin/keepone
mkdir -p /etc/keepone /srv
cp /mnt/php.toml /etc/keepone/php.toml
cp /mnt/lighttpd.conf /etc/lighttpd/lighttpd.conf
cp /mnt/pid.php /mnt/say.php /srv/
`

func TestSystemd(t *testing.T) {
	s := boot(t, "systemd", systemdPackages, with(map[string]string{
		"keepone@.service":         unit(t, "keepone@.service"),
		"keepone-metrics@.service": unit(t, "keepone-metrics@.service"),
		"keepone-metrics.socket":   unit(t, "keepone-metrics.socket"),
		"setup":                    install + "cp /mnt/keepone*.s* /usr/lib/systemd/system/ && systemctl enable keepone@php lighttpd\n",
	}))
	s.await("systemctl is-active keepone@php && systemctl is-active lighttpd && keepone status")
	if out := s.await("curl -sf http://127.0.0.1/pid.php"); !strings.HasPrefix(out, "pid ") {
		t.Fatalf("the site says %q", out)
	}
	// The backend has a cgroup of its own below the unit's, which keepone is in.
	group := s.run("cat /proc/$(systemctl show -P MainPID keepone@php)/cgroup")
	pid := s.backend()
	if got := s.run("cat /proc/" + pid + "/cgroup"); !strings.HasPrefix(got, group+"/keepone-php-") {
		t.Errorf("the backend is in %s, keepone in %s", got, group)
	}
	if out := s.run("systemctl show -P StatusText keepone@php"); !strings.HasPrefix(out, "up") {
		t.Errorf("systemctl status says %q", out)
	}
	load := make(chan string)
	go func() { out, _ := s.try("sh /mnt/load"); load <- out }()
	for range 3 {
		s.run("keepone restart-backend")
	}
	if failed := <-load; failed != "0" {
		t.Errorf("%s of 200 requests failed during restarts", failed)
	}
	if out := s.run("keepone status --json"); !strings.Contains(out, `"total": 3`) {
		t.Errorf("three restarts make %s", out)
	}
	s.killed()
	s.stored()
	s.replaced()
	s.journalled()
	s.given()
	s.moved()
	s.scraped()
	s.remembered()
	pid = s.backend()
	s.run("systemctl stop keepone@php")
	s.gone(pid)
	s.run("systemctl start keepone@php && curl -sf http://127.0.0.1/pid.php")
}

// backend is the backend's pid.
func (s *system) backend() string {
	s.Helper()
	return s.run("keepone status --json | sed -n 's/.*\"pid\": //p' | head -1 | tr -d ,")
}

// killed checks that keepone's death changes nothing: systemd starts the next
// one, which adopts the backend.
func (s *system) killed() {
	s.Helper()
	before, supervisor := s.backend(), s.run("systemctl show -P MainPID keepone@php")
	s.run("kill -9 " + supervisor)
	s.run("curl -sf http://127.0.0.1/pid.php")
	s.await("test $(systemctl show -P MainPID keepone@php) != " + supervisor + " && keepone status")
	if after := s.backend(); after != before {
		s.Errorf("backend %s before keepone was killed, %s after", before, after)
	}
}

// gone checks that a stop left no interpreter, and nothing but the socket's file,
// for the socket itself may live on in the descriptor store.
func (s *system) gone(pid string) {
	s.Helper()
	out := s.run(fmt.Sprintf("test ! -e /proc/%s; pgrep php-cgi; ls -A /run/keepone/php 2>/dev/null | grep -vx php.sock", pid) + "; true")
	if out != "" {
		s.Errorf("after the stop there is still %q", out)
	}
}
