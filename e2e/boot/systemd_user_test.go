package boot

import (
	"os"
	"strings"
	"testing"
)

const userSetup = `set -e
cp /mnt/keepone /usr/bin/keepone
useradd -m alice
install -Dm 644 /mnt/user.service /usr/lib/systemd/user/keepone@.service
install -Dm 644 /mnt/user.toml /home/alice/.config/keepone/php.toml
echo '<?php echo "pid ", getmypid(), " ", posix_getuid();' >/home/alice/pid.php
chown -R alice /home/alice
mkdir -p /var/lib/systemd/linger && touch /var/lib/systemd/linger/alice
systemctl mask console-getty
`

// TestUserUnit: an ordinary user's site begins at boot, lives without a login,
// and goes on when its keepone is killed.
func TestUserUnit(t *testing.T) {
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			s := bootSuite(t, suite, map[string]string{
				"user.service": unit(t, "user/keepone@.service"),
				"user.toml":    "[backend]\ncommand = [\"php-cgi\"]\n",
				"setup":        userSetup,
			})
			s.userUnit()
		})
	}
}

func (s *system) userUnit() {
	s.Helper()
	const alice = `runuser -u alice -- env HOME=/home/alice XDG_RUNTIME_DIR=/run/user/$(id -u alice) `
	s.await(alice + "systemctl --user is-system-running")
	s.run(alice + "systemctl --user enable --now keepone@php")
	init, err := os.ReadFile(s.dir + "/pid")
	if err != nil {
		s.Fatal(err)
	}
	socket := "/proc/" + strings.TrimSpace(string(init)) + "/root/home/alice/.local/state/keepone/php/php.sock"
	first := fastcgi(socket, "/home/alice/pid.php")
	if !strings.Contains(first, " "+s.run("id -u alice")) {
		s.Fatalf("the site says %q", first)
	}
	if out := s.run(alice + "systemd-analyze --user verify keepone@php.service 2>&1 | grep -v \"Command 'man keepone\"; true"); out != "" {
		s.Errorf("systemd-analyze verify says\n%s", out)
	}
	s.run(alice + "keepone restart-backend && " + alice + "systemctl --user reload keepone@php")
	second := fastcgi(socket, "/home/alice/pid.php")
	if second == first {
		s.Errorf("%q before a restart and after it", first)
	}
	supervisor := s.run(alice + "systemctl --user show --value -p MainPID keepone@php")
	s.run("kill -9 " + supervisor)
	s.await("test $(" + alice + "systemctl --user show --value -p MainPID keepone@php) != " + supervisor + " && " + alice + "keepone status")
	if third := fastcgi(socket, "/home/alice/pid.php"); third != second {
		s.Errorf("%q before keepone was killed, %q after", second, third)
	}
	s.run(alice + "systemctl --user stop keepone@php && ! pgrep php-cgi")
}
