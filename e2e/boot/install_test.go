package boot

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A ground is what install and uninstall are tried on.
type ground struct {
	name, packages string
	quiet          string // before the boot: nothing that wants a terminal
	running        string // succeeds while the init system has the site php
	files          []string
	present        string // puts in place what a package brings
	brought        []string
}

var grounds = []ground{
	{name: "systemd", packages: systemdPackages, running: "systemctl is-active keepone@php",
		files:   []string{"/etc/systemd/system/keepone@php.service", "/etc/systemd/system/multi-user.target.wants/keepone@php.service"},
		present: "cp /mnt/unit /usr/lib/systemd/system/keepone@.service && systemctl daemon-reload",
		brought: []string{"/usr/lib/systemd/system/keepone@.service"}},
	{name: "sysv", packages: sysvPackages,
		quiet: noGettys, running: "service keepone status php",
		files:   []string{"/etc/default/keepone", "/etc/init.d/keepone"},
		present: "cp /mnt/lsb /etc/init.d/keepone && chmod 755 /etc/init.d/keepone && cp /mnt/default /etc/default/keepone",
		brought: []string{"/etc/default/keepone", "/etc/init.d/keepone"}},
	{name: "openrc", packages: openrcPackages,
		quiet: noGettys, running: "rc-service keepone.php status",
		files:   []string{"/etc/init.d/keepone.php", "/etc/runlevels/default/keepone.php"},
		present: "cp /mnt/openrc /etc/init.d/keepone && chmod 755 /etc/init.d/keepone",
		brought: []string{"/etc/init.d/keepone"}},
	{name: "runit", packages: runitPackages,
		running: "sv status /etc/service/keepone-php | grep -q ^run:",
		files:   []string{"/etc/service/keepone-php", "/etc/sv/keepone-php"}},
}

// installPlaced is before the boot: the programs where packages have them, and what
// misleads whoever looks for an init system in PATH.
const installPlaced = install + `mkdir -p /usr/lib/keepone && cp /mnt/keepone-setup /usr/lib/keepone/
cp /mnt/shop.toml /etc/keepone/
for f in /usr/bin/rpm-ostree /usr/bin/openrc-init /usr/bin/systemctl; do test -e $f || cp /bin/false $f; done
`

// installOn boots a system after a setup of its own.
func installOn(t *testing.T, i ground, setup string) *system {
	t.Helper()
	program := filepath.Join(t.TempDir(), "keepone-setup")
	c := exec.Command("go", "build", "-trimpath", "-o", program, "keepone/cmd/keepone-setup")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("cannot build keepone-setup: %v\n%s", err, out)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	return boot(t, i.name, i.packages, with(map[string]string{
		"keepone-setup": string(binary), "unit": unit(t, "keepone@.service"), "lsb": unit(t, "keepone.init"),
		"default": unit(t, "keepone.default"), "openrc": unit(t, "keepone.openrc"),
		"shop.toml": strings.ReplaceAll(site["php.toml"], "/php/php.sock", "/shop/shop.sock"),
		"setup":     setup,
	}))
}

// TestInstall: what was installed before the boot is there after it; installing
// again changes nothing; uninstalling leaves nothing, and other names alone.
func TestInstall(t *testing.T) {
	if testing.Short() {
		t.Skip("boots four systems")
	}
	for _, i := range grounds {
		t.Run(i.name, func(t *testing.T) {
			s := installOn(t, i, installPlaced+i.quiet+"keepone install --init "+i.name+" php >/installed 2>&1 || echo failed >>/installed\n")
			if out := s.run("cat /installed"); !strings.Contains(out, "enabled ") || !strings.Contains(out, "not started: "+i.name) || strings.Contains(out, "failed") {
				t.Errorf("install before the boot said:\n%s", out)
			}
			s.await("keepone status php && " + i.running)
			s.await("curl -sf http://127.0.0.1/pid.php")
			s.installedAgain(i)
			s.uninstalled(i)
			if i.name == "systemd" || i.name == "runit" {
				s.besideKeepone()
			} else {
				s.installRefused()
			}
			s.installedLive(i)
			s.besideOthers(i)
			if i.name == "systemd" {
				s.sandboxed()
			}
			if i.present != "" {
				s.besidePackage(i)
			}
			s.installPurged()
		})
	}
}

// named lists what has the name of keepone, the program's own files aside.
func (s *system) named() []string {
	s.Helper()
	out := s.run(`find / /run -xdev \( -path /mnt -o -path /proc -o -path /sys -o -path /tmp \) -prune -o \( -name '*keepone*' -o -path '*/keepone/*' \) -print |
		grep -v -e ^/usr/bin/keepone$ -e ^/usr/lib/keepone -e ^/oldroot | LC_ALL=C sort`)
	return strings.Fields(out)
}

// stamps are the files' numbers and times: a file that is written again has others.
func (s *system) stamps(i ground) string {
	s.Helper()
	return s.run("stat -c '%n %i %y' " + strings.Join(i.files, " "))
}

func (s *system) installedAgain(i ground) {
	s.Helper()
	before, pid := s.stamps(i), s.backend()
	out := s.run("keepone install php 2>/dev/null") // warnings of the configuration aside
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "already ") {
			s.Errorf("the second install says %q", line)
		}
	}
	if after := s.stamps(i); after != before {
		s.Errorf("the second install changed\n%s\nto\n%s", before, after)
	}
	if after := s.backend(); after != pid {
		s.Errorf("backend %s before the second install, %s after", pid, after)
	}
}

// uninstalled uninstalls twice, after a dry run that does nothing.
func (s *system) uninstalled(i ground) {
	s.Helper()
	before, pid := s.named(), s.backend()
	out := s.run("keepone uninstall --dry-run php")
	if after := s.named(); !slices.Equal(before, after) || !strings.Contains(out, "would stop ") || !strings.Contains(out, "would disable ") {
		s.Errorf("the dry run of uninstall says\n%s\nand of\n%q leaves\n%q", out, before, after)
	}
	s.run(i.running)
	s.run("keepone webserver lighttpd php --write")
	if out := s.run("keepone uninstall php; rm /etc/lighttpd/conf-available/50-keepone-php.conf"); !strings.Contains(out, "still handing over to php: /etc/lighttpd/conf-available/50-keepone-php.conf") {
		s.Errorf("the web server's part is not named:\n%s", out)
	}
	s.nothingLeft(pid, "/etc/keepone", "/etc/keepone/php.toml", "/etc/keepone/shop.toml")
	if out := s.run("keepone uninstall php"); strings.Contains(out, "removed ") || strings.Contains(out, "stopped php") && !strings.Contains(out, "already stopped") {
		s.Errorf("the second uninstall says\n%s", out)
	}
	if out := s.run("keepone uninstall phq"); !strings.Contains(out, "there is no /etc/keepone/phq.toml; there are: php, shop") {
		s.Errorf("a name that is misspelt: %s", out)
	}
}

// nothingLeft checks that the backend is gone, and that of keepone's files only these
// are left, beside those that outlive a site and the log.
func (s *system) nothingLeft(pid string, left ...string) {
	s.Helper()
	found := slices.DeleteFunc(s.named(), func(path string) bool {
		return path == "/var/lib/keepone" || path == "/var/lib/keepone/php.history" || path == "/var/log/keepone" || strings.HasPrefix(path, "/var/log/keepone/")
	})
	if !slices.Equal(found, left) {
		s.Errorf("left are %q", found)
	}
	if out, err := s.try("test ! -e /proc/" + pid + " && ! pgrep php-cgi && ! pgrep -x keepone"); err != nil {
		s.Errorf("left is a process: %s", out)
	}
}

// installedLive installs where the init system runs, so that nothing is there yet.
func (s *system) installedLive(i ground) {
	s.Helper()
	out := s.run("keepone install --dry-run php")
	if strings.Contains(out, "wrote") || !strings.Contains(out, "would enable ") || !strings.Contains(out, "would start ") {
		s.Errorf("the dry run of install says\n%s", out)
	}
	s.nothingLeft("0", "/etc/keepone", "/etc/keepone/php.toml", "/etc/keepone/shop.toml")
	out = s.run("keepone install php")
	if !strings.Contains(out, "enabled ") || !strings.Contains(out, "started ") {
		s.Errorf("install says\n%s", out)
	}
	s.run(i.running + " && curl -sf http://127.0.0.1/pid.php && stat " + strings.Join(i.files, " "))
	if i.name == "systemd" {
		if out := s.run("systemctl show -P NeedDaemonReload keepone@php"); out != "no" {
			s.Errorf("systemd does not know the unit as it is: NeedDaemonReload=%s", out)
		}
	}
}
