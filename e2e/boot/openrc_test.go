package boot

import "testing"

const openrcPackages = "openrc,sysvinit-core,lighttpd,curl,python3-minimal,procps,php-cgi"

const openrcSetup = `cp /mnt/keepone.openrc /etc/init.d/keepone.php && rc-update add keepone.php default
cp /mnt/keepone.init /etc/init.d/keepone && cp /mnt/keepone.default /etc/default/keepone
cp /mnt/witness.openrc /etc/init.d/witness && rc-update add witness default
`

func TestOpenRC(t *testing.T) {
	s := bootInit(t, "openrc", openrcPackages, openrcSetup)
	i := ctl("rc-service keepone.php %s")
	s.await("curl -sf http://127.0.0.1/pid.php")
	s.run("test -n \"$(find /run/lighttpd.pid -newer /run/keepone/php/php.sock)\"") // it was there before the web server
	s.await("rc-status default | grep -E 'keepone.php +\\[ +started'")
	s.operated(i)
	// The script for SysV, where OpenRC runs it.
	keepone := s.keepone()
	s.run("rc-service keepone start")
	if before, after := s.underLoad("rc-service keepone restart", "service keepone restart"); before == after || s.keepone() != keepone {
		s.Errorf("a restart made backend %s of %s, keepone %s of %s", after, before, s.keepone(), keepone)
	}
	s.shutdown(false, "init 0")
}
