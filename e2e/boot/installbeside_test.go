package boot

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
)

// besideOthers checks that two sites live beside each other, and one without the other;
// and that without a start now there is one at the next boot.
func (s *system) besideOthers(i ground) {
	s.Helper()
	out := s.run("keepone install --no-start shop")
	if out2, err := s.try("keepone status shop"); err == nil || !strings.Contains(out, "enabled ") && !strings.Contains(out, "added ") {
		s.Errorf("install --no-start says\n%s\nand status\n%s", out, out2)
	}
	if i.name == "runit" { // which would start what it finds, but for a file that is to be gone at the next boot
		s.await("sv status /etc/service/keepone-shop | grep -q ^down: && test ! -e /etc/sv/keepone-shop/down")
	}
	s.run("keepone install shop && keepone status shop")
	pid := s.backend()
	s.run("keepone uninstall shop")
	if after := s.backend(); after != pid {
		s.Errorf("php had the backend %s before shop was uninstalled, %s after", pid, after)
	}
	if out := s.run("ls -d /run/keepone/shop /etc/*/*keepone*shop* 2>/dev/null; true"); out != "" {
		s.Errorf("of shop there is still %q", out)
	}
	s.run(i.running + " && curl -sf http://127.0.0.1/pid.php")
}

// installRefused tries what makes no sense, with nothing changed.
func (s *system) installRefused() {
	s.Helper()
	before := s.named()
	for command, said := range map[string]string{
		"keepone install":                         "there are broken, php, shop",
		"keepone install none":                    "none.toml",
		"keepone install ../php":                  "as the name of a backend",
		"keepone install --init upstart shop":     "upstart",
		"keepone install --user shop":             "as root",
		"keepone install broken":                  "broken.toml:1",
		"keepone install php shop":                "one name",
		"keepone install --init sysv php --purge": "unknown flag",
	} {
		out, err := s.try("echo nonsense >/etc/keepone/broken.toml; " + command + "; code=$?; rm /etc/keepone/broken.toml; exit $code")
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(out, said) {
			s.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	if after := s.named(); !slices.Equal(before, after) {
		s.Errorf("refusing to install changed %q to %q", before, after)
	}
}

// sandboxed has php in a sandbox, which systemd knows, and which goes with it.
func (s *system) sandboxed() {
	s.Helper()
	out := s.run("keepone install --harden php")
	if !strings.Contains(out, "wrote /etc/systemd/system/keepone@php.service.d/50-harden.conf") || !strings.Contains(out, "systemctl restart keepone@php.service") {
		s.Errorf("install --harden says\n%s", out)
	}
	s.run("systemctl restart keepone@php && curl -sf http://127.0.0.1/pid.php")
	if out := s.run("systemctl show -P ProtectSystem keepone@php"); out != "strict" {
		s.Errorf("ProtectSystem is %q", out)
	}
	if out := s.run("keepone install --harden php 2>/dev/null"); strings.Contains(out, "wrote ") {
		s.Errorf("the second install --harden says\n%s", out)
	}
	// The sandbox follows the configuration, also where nobody says --harden again.
	s.run(`sed -i '/^\[backend\]/a directory = "/srv/elsewhere"' /etc/keepone/php.toml && mkdir -p /srv/elsewhere`)
	if out := s.run("keepone install php && cat /etc/systemd/system/keepone@php.service.d/50-harden.conf"); !strings.Contains(out, "wrote /etc/systemd/system/keepone@php.service.d/50-harden.conf") || !strings.Contains(out, "ReadWritePaths=-/srv/elsewhere\n") {
		s.Errorf("an install after a change of the configuration says\n%s", out)
	}
	s.run("sed -i '/elsewhere/d' /etc/keepone/php.toml && keepone install php")
}

// besidePackage has the package's files come, which are enabled, and stay.
func (s *system) besidePackage(i ground) {
	s.Helper()
	s.run(i.present)
	pid := s.backend()
	out := s.run("keepone install php")
	if after := s.backend(); after != pid {
		s.Errorf("backend %s before the package came, %s after", pid, after)
	}
	switch i.name {
	case "systemd":
		if !strings.Contains(out, "removed "+i.files[0]+", which stood before") || !strings.Contains(out, "enabled ") {
			s.Errorf("install beside a package says\n%s", out)
		}
		if out := s.run("realpath $(systemctl show -P FragmentPath keepone@php) " + i.files[1]); out != i.brought[0]+"\n"+i.brought[0] {
			s.Errorf("systemd has the unit from\n%s", out)
		}
	case "openrc":
		if out := s.run("readlink " + i.files[0]); out != "keepone" {
			s.Errorf("%s leads to %q", i.files[0], out)
		}
	}
	s.run(i.running)
	s.run("keepone uninstall php")
	for _, path := range i.brought {
		s.run("stat " + path)
	}
	s.run("keepone install php && " + i.running + " && curl -sf http://127.0.0.1/pid.php")
}

// installPurged leaves nothing of the site's own. The package's part is taken away first,
// as a package would.
func (s *system) installPurged() {
	s.Helper()
	pid := s.backend()
	// Its backend outlives keepone, and is ended all the same.
	s.run("kill -9 $(cat /run/keepone/php/keepone.pid)")
	s.run("keepone uninstall --purge php && keepone uninstall --purge shop")
	s.run("rm -f /usr/lib/systemd/system/keepone@.service /etc/init.d/keepone /etc/default/keepone /etc/rc?.d/[SK]??keepone")
	if found := s.named(); !slices.Equal(found, []string{"/etc/keepone"}) {
		s.Errorf("after a purge there is still %q", found)
	}
	if out, err := s.try("test ! -e /proc/" + pid); err != nil {
		s.Errorf("the backend lives: %s", out)
	}
}

// besideKeepone has a keepone run that somebody started by hand: install refuses before
// it touches anything, and says how the init system's takes the backend over.
func (s *system) besideKeepone() {
	s.Helper()
	s.run("setsid -f keepone run php >/dev/null 2>&1 </dev/null")
	s.await("keepone status php")
	before, pid := s.named(), s.backend()
	out, err := s.try("keepone install php")
	if _, hint, _ := strings.Cut(out, "hint: kill -9 "); err == nil || !strings.HasPrefix(hint, s.run("cat /run/keepone/php/keepone.pid")+": ") {
		s.Errorf("install beside a keepone started by hand: %v\n%s", err, out)
	}
	if after := s.named(); !slices.Equal(before, after) {
		s.Errorf("refusing to install changed %q to %q", before, after)
	}
	keepone := s.run("cat /run/keepone/php/keepone.pid")
	s.run("kill -9 " + keepone)
	s.await("test ! -e /proc/" + keepone)
	s.run("keepone install php && curl -sf http://127.0.0.1/pid.php")
	if after := s.backend(); after != pid {
		s.Errorf("the backend %s was not adopted: %s", pid, after)
	}
	s.run("keepone uninstall php")
	s.nothingLeft(pid, "/etc/keepone", "/etc/keepone/php.toml", "/etc/keepone/shop.toml")
}
