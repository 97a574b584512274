package boot

import "strings"

// The backend stands still, ten requests wait, and then keepone and the backend
// are killed together: systemd has the socket, and the next backend serves them.
const both = `set -u
backend=$1
kill -STOP "$backend"
for i in $(seq 200); do # until it stands still it may accept
	grep -q '^State:.T' /proc/$backend/status && break
	sleep 0.01
done
for i in 0 1 2 3 4 5 6 7 8 9; do
	curl -s -m 60 -o /dev/null -w '%{http_code}\n' http://127.0.0.1/pid.php >/tmp/both.$i &
done
for i in $(seq 200); do
	keepone status php --json | grep -q '"pending": 10' && break
	sleep 0.05
done
keepone status php --json | grep '"pending": 10' || exit 1
kill -9 $(systemctl show -P MainPID keepone@php) "$backend"
wait
cat /tmp/both.* | sort | uniq -c
`

// stored tries the descriptor store.
func (s *system) stored() {
	s.Helper()
	old := s.backend()
	if out := s.run("sh /mnt/both " + old); strings.Join(strings.Fields(out)[2:], " ") != "10 200" {
		s.Errorf("ten requests waited, then keepone and the backend were killed: %s", out)
	}
	// Without a state file the stored pidfd still proves who the backend is.
	s.await("keepone status php | grep -q 'php: up'")
	before := s.backend()
	supervisor := s.run("systemctl show -P MainPID keepone@php")
	s.run("truncate -s 20 /run/keepone/php/state; kill -9 " + supervisor)
	s.await("test $(systemctl show -P MainPID keepone@php) != " + supervisor + " && keepone status php")
	if after := s.backend(); after != before {
		s.Errorf("with half a state file: backend %s before keepone was killed, %s after", before, after)
	}
	// A restart of the whole unit: nobody is refused meanwhile.
	load := make(chan string)
	go func() { out, _ := s.try("sh /mnt/load"); load <- out }()
	s.run("systemctl restart keepone@php")
	if failed := <-load; failed != "0" {
		s.Errorf("%s of 200 requests failed during systemctl restart", failed)
	}
	if out := s.run("systemctl show -P NFileDescriptorStore keepone@php"); out != "2" {
		s.Errorf("%s descriptors are stored, want a socket and a pidfd", out)
	}
}

// replaced tries an upgrade in place: systemd's main process stays, and what it
// stores.
func (s *system) replaced() {
	s.Helper()
	pid, backend := s.run("systemctl show -P MainPID keepone@php"), s.backend()
	load := make(chan string)
	go func() { out, _ := s.try("sh /mnt/load"); load <- out }()
	s.run("cp /usr/bin/keepone /usr/bin/keepone.new && mv /usr/bin/keepone.new /usr/bin/keepone && keepone upgrade php")
	if failed := <-load; failed != "0" {
		s.Errorf("%s of 200 requests failed during an upgrade", failed)
	}
	if now := s.run("systemctl show -P MainPID keepone@php"); now != pid {
		s.Errorf("main process %s before the upgrade, %s after", pid, now)
	}
	if now := s.backend(); now != backend {
		s.Errorf("backend %s before the upgrade, %s after", backend, now)
	}
	if out := s.run("systemctl reload keepone@php && systemctl show -P NFileDescriptorStore keepone@php"); out != "2" {
		s.Errorf("%s descriptors are stored after an upgrade, want a socket and a pidfd", out)
	}
}

// journalled tries where output goes under systemd, and where it is shown.
func (s *system) journalled() {
	s.Helper()
	s.run("curl -sf http://127.0.0.1/say.php")
	s.await("keepone logs php -n 5 | grep 'a line for the journal'")
	if out := s.run("keepone status php"); !strings.Contains(out, "journal") {
		s.Errorf("the status does not say where output goes:\n%s", out)
	}
}

// given tries a socket that systemd listens at: keepone cannot rename it, and
// restarts by the stop signal.
func (s *system) given() {
	s.Helper()
	s.run("cp /mnt/given.toml /etc/keepone/ && cp /mnt/keepone@given.socket /etc/systemd/system/ && cp /srv/pid.php /srv/pid.given")
	s.run("systemctl daemon-reload && systemctl start keepone@given.socket keepone@given")
	s.run("curl -sf http://127.0.0.1/pid.given")
	if out := s.run("keepone status given"); !strings.Contains(out, "/run/given.sock") || !strings.Contains(out, "not ours to rename") {
		s.Errorf("the status is\n%s", out)
	}
	inode := s.run("stat -c %i /run/given.sock")
	for range 3 {
		s.run("keepone restart-backend given && curl -sf http://127.0.0.1/pid.given")
	}
	s.run("keepone upgrade given && curl -sf http://127.0.0.1/pid.given && keepone restart-backend given && curl -sf http://127.0.0.1/pid.given")
	s.run("kill -9 $(systemctl show -P MainPID keepone@given); curl -sf http://127.0.0.1/pid.given")
	s.await("keepone status given | grep adopted")
	s.run("systemctl stop keepone@given && test -S /run/given.sock")
	if now := s.run("stat -c %i /run/given.sock"); now != inode {
		s.Error("the socket of the socket unit was replaced")
	}
	s.run("systemctl stop keepone@given.socket; rm /etc/keepone/given.toml")
}

var stored = map[string]string{
	"both":    both,
	"say.php": `<?php file_put_contents('php://stderr', "a line for the journal\n"); echo "said\n";`,
	"given.toml": `[backend]
command = ["php-cgi"]
user = "www-data"
`,
	"keepone@given.socket": `[Socket]
ListenStream=/run/given.sock
SocketUser=www-data
SocketMode=0600
[Install]
WantedBy=sockets.target
`,
}
