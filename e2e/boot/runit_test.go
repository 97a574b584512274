package boot

import "testing"

const runitPackages = "runit,runit-init,lighttpd,curl,python3-minimal,procps,sysv-rc,initscripts,php-cgi"

const runitSetup = `mkdir /etc/sv/keepone-php && cp /mnt/run /mnt/finish /etc/sv/keepone-php/
ln -s /etc/sv/keepone-php /etc/runit/runsvdir/default/
cp /mnt/witness /etc/init.d/ && update-rc.d witness defaults
`

// TestRunit: who is killed comes again by itself; a restart by sv is one of
// keepone, too, and promises nothing to who comes meanwhile.
func TestRunit(t *testing.T) {
	s := bootInit(t, "runit", runitPackages, runitSetup)
	s.operated(initSystem{
		start: "sv start keepone-php", stop: "sv -w 60 stop keepone-php", restart: "sv -w 60 restart keepone-php",
		reload: "sv reload keepone-php", status: "keepone status php", respawns: true,
	})
	// A configuration that is wrong is not tried again every second.
	s.run("echo [nonsense] >>/etc/keepone/php.toml && sv -w 60 stop keepone-php && sv up keepone-php")
	s.await("sv status keepone-php | grep finish")
	s.await("grep nonsense /run/syslog")
	s.run("sed -i '$d' /etc/keepone/php.toml")
	s.await("curl -sf http://127.0.0.1/pid.php")
	s.shutdown(true, "init 0")
}

// TestInittab: SysV's init starts it again.
func TestInittab(t *testing.T) {
	s := bootInit(t, "sysv", sysvPackages, "cat /mnt/inittab >>/etc/inittab\n")
	i := initSystem{reload: "kill -HUP $(cat /run/keepone/php/keepone.pid)", status: "keepone status php", respawns: true}
	s.await("curl -sf http://127.0.0.1/pid.php && " + i.status)
	s.killedUnder(i)
	s.crashed()
	backend := s.backend()
	s.run("sed -i /^kp1:/s/respawn/off/ /etc/inittab && telinit q")
	s.await("! keepone status php >/dev/null 2>&1 && ! pgrep -x keepone")
	s.left(backend)
	s.run("sed -i /^kp1:/s/off/respawn/ /etc/inittab && telinit q")
	s.await("curl -sf http://127.0.0.1/pid.php && " + i.status)
	s.try("init 0")
	s.ended()
}
