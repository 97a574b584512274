package boot

// dropIn puts lines into a drop-in for the site's unit, in force at once; none
// removes it.
func (s *system) dropIn(lines string) {
	s.Helper()
	const file = "/etc/systemd/system/keepone@php.service.d/90-test.conf"
	if lines == "" {
		s.run("rm " + file + " && systemctl daemon-reload")
		return
	}
	s.run("mkdir -p $(dirname " + file + ") && printf '[Service]\\n" + lines + "' >" + file + " && systemctl daemon-reload")
}

// onlyReloads checks that a reload is for the configuration only: keepone goes on
// with the same backend, and as the program that it is, though there is another.
func (s *system) onlyReloads() {
	s.Helper()
	before, supervisor := s.backend(), s.run("systemctl show --value -p MainPID keepone@php")
	s.run("cp /usr/bin/keepone /usr/bin/keepone.new && mv /usr/bin/keepone.new /usr/bin/keepone")
	s.run("echo 'timeout = \"29s\"' >>/etc/keepone/php.toml && systemctl reload keepone@php")
	s.run("echo 'bad' >>/etc/keepone/php.toml && ! systemctl reload keepone@php && sed -i '$d' /etc/keepone/php.toml")
	s.run("kill -HUP " + supervisor + " && systemctl reload keepone@php")
	if after := s.backend(); after != before {
		s.Errorf("backend %s before the reload, %s after", before, after)
	}
	s.run("readlink /proc/" + supervisor + "/exe | grep deleted")
}

// loops checks that a backend which does not run is no reason for the unit to
// fail: whoever comes waits.
func (s *system) loops() {
	s.Helper()
	s.run("cp /etc/keepone/php.toml /tmp/ && sed -i 's/\"php-cgi\"/\"false\"/' /etc/keepone/php.toml && systemctl restart keepone@php")
	s.await("systemctl show --value -p StatusText keepone@php | grep ^backoff && systemctl is-active keepone@php")
	answer := make(chan string)
	go func() { out, _ := s.try("curl -s -m 60 http://127.0.0.1/pid.php"); answer <- out }()
	s.await("keepone status php | grep '[1-9] pending'")
	s.run("cp /tmp/php.toml /etc/keepone/ && systemctl reload keepone@php && keepone restart-backend php")
	if got := <-answer; got == "" || got[0] != 'p' {
		s.Errorf("who waited during a crash loop got %q", got)
	}
}

// watched checks that keepone answers systemd's watchdog, and that one which
// cannot is followed by another, which adopts the backend.
func (s *system) watched() {
	s.Helper()
	if out := s.run("systemctl show --value -p WatchdogUSec keepone@php"); out != "1min" {
		s.Errorf("the watchdog waits %s", out)
	}
	s.dropIn(`WatchdogSec=4\nTimeoutAbortSec=1\n`)
	s.run("systemctl restart keepone@php")
	const beat = "systemctl show --value -p WatchdogTimestampMonotonic keepone@php"
	for range 2 {
		s.await("test $(" + beat + ") -gt " + s.run(beat))
	}
	before, supervisor := s.backend(), s.run("systemctl show --value -p MainPID keepone@php")
	s.run("kill -STOP " + supervisor)
	s.await("test $(systemctl show --value -p MainPID keepone@php) != " + supervisor + " && keepone status")
	s.run("journalctl -b -u keepone@php | grep \"Failed with result 'watchdog'\"")
	if after := s.backend(); after != before {
		s.Errorf("backend %s before the watchdog ended keepone, %s after", before, after)
	}
	s.dropIn("")
}

// overdue checks that a keepone which does not stop is killed, and then its
// backend is ended, too.
func (s *system) overdue() {
	s.Helper()
	s.dropIn(`TimeoutStopSec=1\n`)
	pid := s.backend()
	// systemd sends SIGCONT behind SIGTERM, so keepone is frozen instead.
	s.run("mkdir /sys/fs/cgroup/frozen && systemctl show --value -p MainPID keepone@php >/sys/fs/cgroup/frozen/cgroup.procs && echo 1 >/sys/fs/cgroup/frozen/cgroup.freeze")
	s.run("curl -sf http://127.0.0.1/pid.php && systemctl stop keepone@php && rmdir /sys/fs/cgroup/frozen")
	if out := s.run("systemctl show --value -p Result keepone@php"); out != "timeout" {
		s.Errorf("the unit's result is %s", out)
	}
	if out := s.run("test ! -e /proc/" + pid + "; pgrep php-cgi; true"); out != "" {
		s.Errorf("after a stop that took too long there is still %q", out)
	}
	s.dropIn("")
	s.run("systemctl reset-failed keepone@php; systemctl start keepone@php && curl -sf http://127.0.0.1/pid.php")
}
