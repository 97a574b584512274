package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWatchdog: the loop answers systemd's watchdog with what systemctl status is to show, also after an upgrade in place;
// a keepone that stands still does not.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newSite(t, plan{command: command, settings: set})
	program := s.own()
	init, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path("init"), Net: "unixgram"})
	s.must(err)
	defer init.Close()
	env := append(s.environ(), "NOTIFY_SOCKET="+s.path("init"), "WATCHDOG_USEC=100000")
	s.supervisor, err = start(filepath.Join(s.dir, "keepone.log"), env, -1, program, "run", "-c", s.config, "--run-dir", s.run)
	s.must(err)
	s.groups = append(s.groups, s.supervisor.pid())
	s.await("up")
	said := func() string {
		buffer := make([]byte, 4096)
		init.SetReadDeadline(time.Now().Add(10 * time.Second))
		for range 1000 {
			n, err := init.Read(buffer)
			if err != nil {
				return err.Error()
			}
			if text := string(buffer[:n]); strings.HasPrefix(text, "WATCHDOG=1\nSTATUS=up, ") {
				return text
			}
		}
		return "nothing in a thousand messages"
	}
	if text := said(); !strings.Contains(text, " MiB") {
		t.Errorf("%q", text)
	}
	s.do("upgrade")
	s.await("up")
	if text := said(); !strings.Contains(text, " MiB") {
		t.Errorf("after an upgrade: %q", text)
	}
	s.must(s.supervisor.cmd.Process.Signal(syscall.SIGSTOP))
	for n := 0; ; n++ { // what was sent before is still to be read
		init.SetReadDeadline(time.Now().Add(2 * time.Second))
		if _, err := init.Read(make([]byte, 4096)); err != nil {
			break
		}
		if n > 1000 {
			t.Fatal("a stopped keepone goes on talking")
		}
	}
	s.must(s.supervisor.cmd.Process.Signal(syscall.SIGCONT))
	s.given = true // the socket's file stays for an init system that keeps the socket
	s.stopKeepone()
}

// TestCannotBegin: under systemd, which starts the next one at once, a keepone with nothing to run says so and stays a while, and
// a stop ends it at once.
func TestCannotBegin(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{})
	log := filepath.Join(s.dir, "keepone.log")
	p, err := start(log, append(s.environ(), "NOTIFY_SOCKET="+s.path("nobody")), -1, keepone, "run", "-c", s.path("nothing.toml"), "--run-dir", s.run)
	s.must(err)
	s.groups = append(s.groups, p.pid())
	await(t, 10*time.Second, "the error is told", func() bool {
		text, _ := os.ReadFile(log) // not there yet
		return strings.Contains(string(text), "cannot read "+s.path("nothing.toml"))
	})
	if !p.alive() || !p.end(syscall.SIGTERM, 4*time.Second) {
		t.Error("it was gone, or stays")
	}
	if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() {
		t.Errorf("%v", status)
	}
}
