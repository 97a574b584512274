package boot

import (
	"strings"
	"testing"
)

const dpkg = "DEBIAN_FRONTEND=noninteractive dpkg "

// TestDebSystemd is the life of the Debian package under systemd.
func TestDebSystemd(t *testing.T) {
	s := packaged(t, "systemd", systemdPackages, "deb", "systemctl enable lighttpd\n")
	s.await("systemctl is-active lighttpd")
	s.run("sh /mnt/files >/tmp/before")
	s.Log(s.run("DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /mnt/" + older + ".deb"))
	s.quiet()
	s.run("cp /mnt/php.toml /mnt/bad.toml /etc/keepone/ && systemctl enable --now keepone@php keepone@bad && curl -sf http://127.0.0.1/pid.php")
	s.run("echo '# mine' >>/etc/default/keepone")
	s.upgradedBy(dpkg+"-i /mnt/"+newer+".deb", newer)
	s.run("grep '# mine' /etc/default/keepone && test $(ls /etc/default/keepone* | wc -l) = 1")
	s.forbidden()
	s.failing()
	s.removed(dpkg + "-r keepone")
	s.run("test -e /etc/keepone/php.toml -a -e /etc/default/keepone -a -s /var/lib/keepone/php.history")
	s.run(dpkg + "-i /mnt/" + newer + ".deb && test ! -e /run/keepone") // enabled as it was, and not started
	s.run("systemctl is-enabled keepone@php && systemctl start keepone@php && curl -sf http://127.0.0.1/pid.php")
	s.run("mkdir -p /etc/systemd/system/keepone@php.service.d && echo '[Service]' >/etc/systemd/system/keepone@php.service.d/10-harden.conf")
	s.Log(s.run(dpkg + "--purge keepone"))
	s.same("purged", "/tmp/before")
	if out := s.run("systemctl list-units --all --no-legend 'keepone*'; pgrep keepone; true"); out != "" {
		s.Errorf("purged, there is still\n%s", out)
	}
}

// quiet checks that an installation enabled nothing and started nothing.
func (s *system) quiet() {
	s.Helper()
	if out := s.run("pgrep keepone; systemctl list-unit-files --no-legend --state=enabled 'keepone*'; ls /etc/systemd/system/*/keepone* 2>/dev/null; true"); out != "" {
		s.Errorf("the installation has enabled or started %q", out)
	}
	conffiles := s.run("dpkg-query -W -f '${Conffiles}' keepone | awk '{print $1}'")
	if conffiles != "/etc/default/keepone\n/etc/init.d/keepone" {
		s.Errorf("the conffiles are %q", conffiles)
	}
	if out := s.run("systemctl is-enabled keepone.service; true"); out != "masked" {
		s.Errorf("systemd makes a unit of the init script: %s", out)
	}
}

// forbidden has policy-rc.d forbid everything: neither an upgrade nor a removal
// touches what runs.
func (s *system) forbidden() {
	s.Helper()
	before := s.who()
	s.run("cp /mnt/deny /usr/sbin/policy-rc.d && rm -f /tmp/asked")
	if out := s.run(dpkg + "-i /mnt/" + older + ".deb 2>&1"); !strings.Contains(out, "policy-rc.d forbids to force-reload keepone@php.service") {
		s.Errorf("the upgrade says\n%s", out)
	}
	s.during("a removal that may not stop anything", func() {
		s.run(dpkg + "-r keepone && grep 'keepone@php.service stop' /tmp/asked && " + dpkg + "-i /mnt/" + older + ".deb")
	})
	if after := s.who(); after != before {
		s.Errorf("before the forbidden upgrade and removal %v, after it %v", before, after)
	}
	s.run("rm /usr/sbin/policy-rc.d && keepone upgrade php && keepone upgrade bad")
	if after := s.who(); after.version != older {
		s.Errorf("upgraded by hand, version %s runs", after.version)
	}
}

// failing has one of two configurations that cannot be read: its keepone stays
// as it is, the other's is replaced, and the package is installed.
func (s *system) failing() {
	s.Helper()
	other := s.run("cat /run/keepone/bad/keepone.pid /run/keepone/bad/backend.pid")
	s.run("echo nonsense >>/etc/keepone/bad.toml")
	before := s.who()
	out := s.run(dpkg + "-i /mnt/" + newer + ".deb 2>&1")
	if !strings.Contains(out, "bad serves on with its former version") {
		s.Errorf("the upgrade says\n%s", out)
	}
	if status := s.run("dpkg-query -W -f '${Status} ${Version}' keepone"); status != "install ok installed "+newer {
		s.Errorf("the package is %q", status)
	}
	want := before
	want.version = newer
	if after := s.who(); after != want {
		s.Errorf("before the upgrade %v, after it %v", before, after)
	}
	if now := s.run("cat /run/keepone/bad/keepone.pid /run/keepone/bad/backend.pid"); now != other {
		s.Errorf("the one with the bad configuration was %s, and is %s", other, now)
	}
	if out := s.run("keepone status bad --json"); !strings.Contains(out, `"version": "`+older+`"`) {
		s.Errorf("the one with the bad configuration says\n%s", out)
	}
}
