package boot

import (
	"testing"
)

// TestDebSysV is the life of the Debian package under sysvinit.
func TestDebSysV(t *testing.T) {
	s := packaged(t, "sysv", sysvPackages, "deb", "sed -i -E 's/^([0-9]:[0-9]+:respawn)/#\\1/' /etc/inittab\n")
	s.await("curl -s http://127.0.0.1/")
	s.run("sh /mnt/files >/tmp/before")
	s.Log(s.run("DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /mnt/" + older + ".deb"))
	if out := s.run("pgrep keepone; service keepone start; pgrep keepone; true"); out != "" {
		s.Errorf("installed, there is %q", out)
	}
	s.run("cp /mnt/php.toml /etc/keepone/ && sed -i 's/^NAMES=.*/NAMES=\"php\"/' /etc/default/keepone && service keepone start")
	s.await("curl -sf http://127.0.0.1/pid.php")
	s.upgraded(dpkg+"-i /mnt/"+newer+".deb", newer)
	s.run("grep NAMES=.php /etc/default/keepone && ls /etc/rc2.d/S*keepone")
	s.forbiddenSysV()
	s.removed(dpkg + "-r keepone")
	s.run("test -e /etc/keepone/php.toml -a -e /etc/init.d/keepone")
	s.Log(s.run(dpkg + "--purge keepone"))
	s.same("purged", "/tmp/before")
	s.run("! pgrep keepone && ! ls /etc/rc?.d/*keepone")
}

// forbiddenSysV has policy-rc.d forbid a removal to stop what runs, also by the
// init script.
func (s *system) forbiddenSysV() {
	s.Helper()
	before := s.who()
	s.run("cp /mnt/deny /usr/sbin/policy-rc.d && rm -f /tmp/asked")
	s.run(dpkg + "-r keepone && grep 'keepone stop' /tmp/asked && " + dpkg + "-i /mnt/" + newer + ".deb")
	if after := s.who(); after != before {
		s.Errorf("before the forbidden removal %v, after it %v", before, after)
	}
	s.run("rm /usr/sbin/policy-rc.d")
}
