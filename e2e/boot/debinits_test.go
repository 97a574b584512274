package boot

import (
	"strings"
	"testing"
)

const (
	runitSystem = "runit,runit-init,lighttpd,curl,python3-minimal,procps,sysv-rc,initscripts,php-cgi"
	noTerminals = "[ ! -e /etc/inittab ] || sed -i -E 's/^([0-9]:[0-9]+:respawn)/#\\1/' /etc/inittab\n"
)

// TestDebInits is the life of the Debian package under the inits that are not
// systemd: enable is how a site is made one of theirs, and stop what policy-rc.d
// is asked.
func TestDebInits(t *testing.T) {
	for _, init := range []struct{ kind, packages, enable, stop string }{
		{"sysv", sysvSystem, "sed -i 's/^NAMES=.*/NAMES=\"php\"/' /etc/default/keepone && service keepone start", "keepone stop"},
		{"openrc", openrcSystem, "install /mnt/keepone.openrc /etc/init.d/keepone.php && rc-update add keepone.php default && rc-service keepone.php start", "keepone.php stop"},
		{"runit", runitSystem, "mkdir /etc/sv/keepone-php && install /mnt/keepone.run /etc/sv/keepone-php/run && install /mnt/keepone.finish /etc/sv/keepone-php/finish && ln -s /etc/sv/keepone-php /etc/service/", "keepone-php stop"},
	} {
		t.Run(init.kind, func(t *testing.T) {
			s := packaged(t, init.kind, init.packages, "deb", noTerminals)
			for _, name := range []string{"keepone.openrc", "keepone.run", "keepone.finish"} {
				s.give(name, unit(t, name))
			}
			s.await("curl -s http://127.0.0.1/")
			s.run("sh /mnt/files >/tmp/before")
			s.run("DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /mnt/" + older + ".deb")
			if out := s.run("pgrep keepone; invoke-rc.d keepone start; pgrep keepone; true"); out != "" {
				s.Errorf("installed, there is %q", out)
			}
			s.run("cp /mnt/php.toml /etc/keepone/ && echo '# mine' >>/etc/default/keepone && " + init.enable)
			s.await("curl -sf http://127.0.0.1/pid.php")
			s.upgradedBy(dpkg+"-i /mnt/"+newer+".deb", newer)
			s.run("grep '# mine' /etc/default/keepone && ls /etc/rc2.d/S*keepone")
			s.stopForbidden(init.stop)
			s.removed(dpkg + "-r keepone")
			s.run("test -e /etc/keepone/php.toml -a -e /etc/init.d/keepone")
			s.Log(s.run(dpkg + "--purge keepone"))
			s.same("purged", "/tmp/before")
			s.run("! pgrep keepone && ! ls /etc/rc?.d/*keepone")
		})
	}
}

// stopForbidden has policy-rc.d forbid a removal to stop what runs.
func (s *system) stopForbidden(asked string) {
	s.Helper()
	before := s.who()
	s.run("cp /mnt/deny /usr/sbin/policy-rc.d && rm -f /tmp/asked")
	s.run(dpkg + "-r keepone && " + dpkg + "-i /mnt/" + newer + ".deb")
	if after := s.who(); after != before {
		s.Errorf("before the forbidden removal %v, after it %v", before, after)
	}
	if out := s.run("cat /tmp/asked"); !strings.Contains(out, asked) {
		s.Errorf("policy-rc.d was not asked about %q, but\n%s", asked, out)
	}
	s.run("rm /usr/sbin/policy-rc.d")
}
