package boot

import (
	"strings"
	"testing"
)

// What a distribution of rpms has and Debian's rpm database knows nothing of.
const basis = `Name: basis
Version: 1
Release: 1
Summary: What every system has
License: none
BuildArch: noarch
Provides: /bin/sh /usr/bin/flock /usr/bin/timeout /usr/bin/grep
%description
What every system has.
%files
`

const (
	rpmPackages = systemdPackages + ",rpm,dnf,createrepo-c"
	dnf         = "dnf -q -y --disablerepo='*' --repofrompath=ours,/repository --nogpgcheck "
	rpm         = "rpm --force-debian "
)

// TestRPM is the life of the rpm, by rpm and dnf themselves, under systemd. The
// system is a Debian: there is a basis in rpm's database for what it has.
func TestRPM(t *testing.T) {
	s := packaged(t, "rpm", rpmPackages, "rpm", "systemctl enable lighttpd\n")
	s.await("systemctl is-active lighttpd")
	s.run("cat >/tmp/basis.spec <<'EOF'\n" + basis + "EOF\nrpmbuild -bb --define '_rpmdir /repository' /tmp/basis.spec")
	s.run("cp /mnt/*.rpm /repository && createrepo_c -q /repository && " + dnf + "install basis")
	s.run("cd /usr/share && mkdir -p man/man5 man/man7 man/man8 selinux/packages zsh/site-functions fish/vendor_completions.d") // others' directories
	s.run("sh /mnt/files >/tmp/before")
	s.Log(s.run(dnf + "install keepone-" + older))
	if out := s.run("pgrep keepone; systemctl list-unit-files --no-legend --state=enabled 'keepone*'; true"); out != "" {
		s.Errorf("the installation has enabled or started %q", out)
	}
	if out := s.run("rpm -V keepone; rpm -qc keepone"); out != "/etc/default/keepone" {
		s.Errorf("verified, and asked for its configuration files, it says %q", out)
	}
	s.run("cp /mnt/php.toml /etc/keepone/ && systemctl enable --now keepone@php && curl -sf http://127.0.0.1/pid.php")
	s.run("echo '# mine' >>/etc/default/keepone")
	s.upgradedBy(dnf+"upgrade keepone", newer)
	s.run("grep '# mine' /etc/default/keepone && test $(ls /etc/default/keepone* | wc -l) = 1 && cmp /mnt/php.toml /etc/keepone/php.toml")
	s.upgradedBy(rpm+"-U --oldpackage /mnt/"+older+".rpm", older)
	s.removed(rpm + "-e keepone")
	s.run("cmp /mnt/php.toml /etc/keepone/php.toml && grep '# mine' /etc/default/keepone.rpmsave && ! systemctl is-enabled keepone@php")
	s.Log(s.run(rpm + "-i /mnt/" + newer + ".rpm && systemctl enable --now keepone@php && curl -sf http://127.0.0.1/pid.php"))
	s.removed(dnf + "remove keepone")
	s.run("rm /etc/keepone/php.toml /etc/default/keepone.rpmsave && rmdir /etc/keepone && rm -r /var/lib/keepone /var/log/keepone")
	if out, err := s.try("sh /mnt/files | diff /tmp/before - | grep -v -e /var/lib/dnf -e /rpm -e ^[0-9]"); err == nil && strings.TrimSpace(out) != "" {
		s.Errorf("erased, these files are not as before:\n%s", out)
	}
}
