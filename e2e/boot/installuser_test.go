package boot

import (
	"strings"
	"testing"
)

// installUserSetup is before the boot: alice with a site of her own, a systemd for her
// that needs no login, and a crontab for when there is none.
const installUserSetup = installPlaced + `useradd -m -s /bin/sh alice
mkdir -p /home/alice/.config/keepone /var/lib/systemd/linger /etc/systemd/system/user@.service.d
printf '[backend]\ncommand = ["php-cgi"]\ndirectory = "/home/alice"\n' >/home/alice/.config/keepone/php.toml
chown -R alice /home/alice
printf '[Service]\nPAMName=\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\n' >/etc/systemd/system/user@.service.d/run.conf
cat >/usr/bin/crontab <<'END'
#!/bin/sh
case $1 in
-l) cat ~/crontab 2>/dev/null || { echo "no crontab for alice" >&2; exit 1; } ;;
-r) rm ~/crontab ;;
-) cat >~/crontab ;;
esac
END
chmod 755 /usr/bin/crontab
`

// alice runs a command as she would after "su alice".
func (s *system) alice(command string) (string, error) {
	return s.try("su alice -c 'cd && " + command + "'")
}

func (s *system) asAlice(command string) string {
	s.Helper()
	out, err := s.alice(command)
	if err != nil {
		s.Fatalf("alice: %s: %v\n%s", command, err, out)
	}
	return out
}

// TestInstallUser: an ordinary user's site is started by her own systemd, or else
// by cron, is never root's to install for her, nor hers to install for all.
func TestInstallUser(t *testing.T) {
	if testing.Short() {
		t.Skip("boots a system")
	}
	i := grounds[0]
	s := installOn(t, i, installUserSetup)
	s.await("systemctl is-active dbus")
	if out, err := s.alice("keepone install php"); err == nil || !strings.Contains(out, "only root") || !strings.Contains(out, "--user php") {
		t.Errorf("for all, alice is told %v\n%s", err, out)
	}
	if out, err := s.try("keepone install --user php"); err == nil || !strings.Contains(out, "as root") {
		t.Errorf("for a user, root is told %v\n%s", err, out)
	}
	s.byCron()
	s.run("systemctl start user@$(id -u alice)")
	s.byUsersSystemd()
}

func (s *system) byCron() {
	s.Helper()
	if out := s.asAlice("keepone install --user"); !strings.Contains(out, "added to the crontab: @reboot exec /usr/bin/keepone run php ") || !strings.Contains(out, "started php") {
		s.Errorf("install --user says\n%s", out)
	}
	// What cron will do at the next boot is what has been done now.
	s.asAlice("keepone status php && pgrep -u alice php-cgi")
	if out := s.asAlice("keepone install --user php"); strings.Contains(out, "added ") || strings.Contains(out, "started php\n") && !strings.Contains(out, "already started") {
		s.Errorf("the second install --user says\n%s", out)
	}
	for range 2 {
		s.asAlice("keepone uninstall --user php")
		if out, err := s.try("! pgrep -r R,S,D -au alice && test ! -e /home/alice/crontab && test ! -e /home/alice/.local/state/keepone/php"); err != nil {
			s.Errorf("uninstall --user leaves something: %s", out)
		}
	}
}

func (s *system) byUsersSystemd() {
	s.Helper()
	unit := "/home/alice/.config/systemd/user/keepone@php.service"
	out := s.asAlice("keepone install --user php")
	if !strings.Contains(out, "wrote "+unit) || !strings.Contains(out, "started keepone@php.service") || !strings.Contains(out, "loginctl enable-linger") {
		s.Errorf("install --user says\n%s", out)
	}
	ctl := "XDG_RUNTIME_DIR=/run/user/$(id -u) systemctl --user "
	s.asAlice(ctl + "is-active keepone@php && " + ctl + "is-enabled keepone@php && keepone status php && pgrep -u alice php-cgi")
	s.run("touch /var/lib/systemd/linger/alice")
	if out := s.asAlice("keepone install --user php 2>/dev/null"); strings.Contains(out, "linger") || strings.Count(out, "already ") != 3 {
		s.Errorf("the second install --user says\n%s", out)
	}
	for range 2 {
		s.asAlice("keepone uninstall --user --purge php")
		left := s.run("pgrep -r R,S,D -u alice php-cgi; find /home/alice -name '*keepone@*' -o -name 'php*'")
		if left != "" {
			s.Errorf("uninstall --user leaves %s", left)
		}
	}
}
