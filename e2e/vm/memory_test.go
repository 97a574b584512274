package vm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a unit of keepone's is like, without keepone: a main process that may be
// killed, and a backend in a child cgroup that outlives it and leaks on demand.
var plain = map[string]string{
	"main": `own=/sys/fs/cgroup$(sed s/0::// /proc/self/cgroup)
mkdir -p $own/child
[ -n "$(cat $own/child/cgroup.procs)" ] ||
	sh -c "echo \$\$ >$own/child/cgroup.procs; exec python3 /mnt/leaker" &
exec sleep infinity
`,
	"leaker": `import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
signal.sigwait([signal.SIGUSR1])
kept = []
while True:
    kept.append(bytearray(1 << 20))
`,
	"plain.service": `[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sh /mnt/main
Delegate=yes
KillMode=process
OOMPolicy=continue
Restart=always
RestartSec=100ms
`,
	"cgroup-test.service": `[Service]
Type=oneshot
ExecStart=/mnt/cgroup.test -test.run ^TestUnit$ -test.v
Environment=KEEPONE_TEST_UNIT=cgroup-test.service
StandardOutput=file:/run/cgroup-test
Delegate=yes
MemoryMax=300M
`,
}

// The same with keepone: php-cgi behind it, and lighttpd in front.
var site = map[string]string{
	"php.toml": `[backend]
command = ["php-cgi"]
user = "www-data"
[socket]
path = "/run/keepone/php/php.sock"
[stop]
timeout = "2s"
[drain]
patience = "100ms"
`,
	"lighttpd.conf": `server.modules = ("mod_fastcgi")
server.document-root = "/srv"
server.port = 80
server.bind = "127.0.0.1"
fastcgi.server = (
	".php" => (("socket" => "/run/keepone/php/php.sock", "check-local" => "disable")),
	".tcp" => (("host" => "127.0.0.1", "port" => 9000, "check-local" => "disable")))
`,
	"pid.php":  `<?php echo "pid ", getmypid(), "\n";`,
	"leak.php": `<?php ini_set("memory_limit", "-1"); set_time_limit(0); for (;;) $kept[] = str_repeat("x", 1 << 20);`,
}

const setup = `cp /mnt/keepone /usr/bin/keepone
mkdir -p /etc/keepone /srv
cp /mnt/*.toml /etc/keepone/
cp /mnt/lighttpd.conf /etc/lighttpd/
cp /mnt/*.php /srv/
cp /mnt/*.service /etc/systemd/system/
systemctl daemon-reload
systemctl start --no-block plain keepone@php
systemctl restart --no-block lighttpd
`

// suites are the Debians that are booted: ours, and the oldest, whose kernel is
// the floor.
var suites = map[string]string{"bookworm": "6.1.", "bullseye": "5.10."}

// TestSystem boots each once for all there is to try; restarts, address and
// contained are in floor_test.go.
func TestSystem(t *testing.T) {
	possible(t)
	share := shared(t)
	for suite, kernel := range suites {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			m := boot(t, suite, share)
			if is := m.run(t, "uname -r"); !strings.HasPrefix(is, kernel) {
				t.Fatalf("kernel %s, want %s", is, kernel)
			}
			t.Run("package", m.ofPackage)
			t.Run("trap", m.trap)
			t.Run("plain", m.plain)
			t.Run("keepone", m.keepone)
			t.Run("wall", m.wall)
			t.Run("restarts", m.restarts)
			t.Run("address", m.address)
			t.Run("contained", m.contained)
		})
	}
}

// shared is what all of them find in /mnt.
func shared(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	keepone, tests, static := filepath.Join(dir, "keepone"), filepath.Join(dir, "cgroup.test"), filepath.Join(dir, "static")
	output(t, "go", "build", "-trimpath", "-buildmode=exe", "-ldflags", "-s -w -X runtime.godebugDefault=disablethp=1", "-o", keepone, "keepone/cmd/keepone")
	output(t, "go", "build", "-o", static, "keepone/e2e/testdata/static")
	output(t, "go", "test", "-c", "-o", tests, "keepone/cgroup")
	unit, err := os.ReadFile("../../initscripts/keepone@.service")
	if err != nil {
		t.Fatal(err)
	}
	share := map[string]string{"@keepone": keepone, "@cgroup.test": tests, "@static": static, "keepone@.service": string(unit), "setup": setup}
	for _, files := range []map[string]string{plain, site, floor} {
		for name, text := range files {
			share[name] = text
		}
	}
	return share
}

// ofPackage runs the tests of package cgroup, where it has a unit to itself: one
// that has a file, and a transient one.
func (m *machine) ofPackage(t *testing.T) {
	for _, script := range []string{
		"systemctl start cgroup-test; status=$?; cat /run/cgroup-test; exit $status",
		"systemd-run --quiet --wait --pipe --unit=of-a-moment -p Delegate=yes -p MemoryMax=300M" +
			" -E KEEPONE_TEST_UNIT=of-a-moment.service /mnt/cgroup.test -test.run '^TestUnit$' -test.v",
	} {
		if out, err := m.try(t, script); err != nil || !strings.Contains(out, "--- PASS: TestUnit") {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
}

const below = "/sys/fs/cgroup/system.slice/plain.service"

// trap shows why there is no wall on the backend's own cgroup: with a controller
// enabled for it, the unit cannot be started while the backend lives.
func (m *machine) trap(t *testing.T) {
	survivor := m.await(t, "grep . "+below+"/child/cgroup.procs")
	main := m.run(t, "systemctl show -P MainPID plain")
	// Nothing may be in the unit's own directory while a controller is enabled.
	m.run(t, "mkdir -p "+below+"/aside && echo "+main+" >"+below+"/aside/cgroup.procs && echo +memory >"+below+"/cgroup.subtree_control")
	m.run(t, "kill -9 "+main)
	m.await(t, "systemctl show -P ExecMainStatus plain | grep -x 219")
	m.run(t, "test -d /proc/"+survivor)
	m.run(t, "echo -memory >"+below+"/cgroup.subtree_control")
	m.await(t, "test $(systemctl show -P MainPID plain) != 0 && systemctl is-active plain")
	m.run(t, "rmdir "+below+"/aside; grep -x "+survivor+" "+below+"/child/cgroup.procs")
}

// plain tries the wall itself: it holds through a kill -9 and a restart of the
// unit with a survivor, and whoever runs against it dies alone.
func (m *machine) plain(t *testing.T) {
	survivor := m.await(t, "grep . "+below+"/child/cgroup.procs")
	m.run(t, "systemctl set-property --runtime plain MemoryHigh=infinity MemoryMax=67108864")
	for _, end := range []string{"kill -9 $main", "systemctl restart plain", "systemctl daemon-reload; kill -9 $main"} {
		m.run(t, "main=$(systemctl show -P MainPID plain); "+end+`
for n in $(seq 300); do
	now=$(systemctl show -P MainPID plain)
	[ "$now" = 0 ] || [ "$now" = "$main" ] || exit 0
	sleep 0.1
done
exit 1`)
		m.run(t, "test $(cat "+below+"/memory.max) = 67108864 && grep -x "+survivor+" "+below+"/child/cgroup.procs")
	}
	main := m.run(t, "systemctl show -P MainPID plain")
	m.run(t, "kill -USR1 "+survivor)
	m.await(t, "grep -x 'oom_kill 1' "+below+"/memory.events && test ! -e /proc/"+survivor)
	m.run(t, "systemctl is-active plain && test $(systemctl show -P MainPID plain) = "+main)
	t.Log(m.run(t, "cat "+below+"/memory.events; grep oom_kill /proc/vmstat"))
}

// keepone tries the same with keepone: an adoption with limits on, and a backend
// that leaks until the kernel kills it, beside a keepone that does not notice.
func (m *machine) keepone(t *testing.T) {
	m.await(t, "curl -sf http://127.0.0.1/pid.php")
	const pid = `keepone status php --json | sed -n 's/.*"pid": //p' | head -1 | tr -d ,`
	const main = "systemctl show -P MainPID keepone@php"
	const group = "/sys/fs/cgroup$(systemctl show -P ControlGroup keepone@php)"
	m.run(t, "systemctl set-property --runtime keepone@php MemoryHigh=infinity MemoryMax=100663296")
	before, supervisor := m.run(t, pid), m.run(t, main)
	m.run(t, "kill -9 "+supervisor)
	m.await(t, "test $("+main+") != "+supervisor+" && keepone status php")
	if after := m.run(t, pid); after != before {
		t.Errorf("backend %s before keepone was killed, %s after", before, after)
	}
	m.run(t, "! journalctl -u keepone@php | grep 219/CGROUP")
	m.run(t, "test $(cat "+group+"/memory.max) = 100663296 && test -z \"$(cat "+group+"/cgroup.subtree_control)\"")
	supervisor = m.run(t, main)
	m.run(t, "curl -s http://127.0.0.1/leak.php; true")
	m.await(t, "grep -E 'oom_kill [1-9]' "+group+"/memory.events && test ! -e /proc/"+before)
	m.await(t, "curl -sf http://127.0.0.1/pid.php")
	if after := m.run(t, main); after != supervisor {
		t.Errorf("main process %s before the backend leaked, %s after", supervisor, after)
	}
	t.Log(m.run(t, "cat "+group+"/memory.events; keepone status php"))
}

// wall has keepone put it up itself, from its own limits: with the room that
// cgroup.Wall says, when a backend has settled below it, through kill -9 and
// adoption. A leak within it is keepone's to end; what is not keepone's stays.
func (m *machine) wall(t *testing.T) {
	const group = "/sys/fs/cgroup$(systemctl show -P ControlGroup keepone@php)"
	const walled = "test $(cat " + group + "/memory.max) = 150994944 && test $(cat " + group + "/memory.high) = max"
	limits := func(lines string) {
		m.run(t, "sed -i '/memory/,$d' /etc/keepone/php.toml; printf '[memory]\n"+lines+"' >>/etc/keepone/php.toml; keepone reload php")
	}
	m.run(t, "rm /run/systemd/system.control/keepone@php.service.d/*; systemctl daemon-reload") // an operator's, of the test before
	limits(`hard = "64MiB"\nmin_life = "3s"\n`)
	m.await(t, walled)
	m.await(t, "keepone status php --json | grep '\"max_bytes\": 150994944'")
	m.run(t, "kill -9 $(systemctl show -P MainPID keepone@php)")
	m.await(t, "keepone status php && "+walled)
	m.run(t, "test -z \"$(cat "+group+"/cgroup.subtree_control)\" && ! journalctl -u keepone@php | grep 219/CGROUP")
	m.run(t, "curl -s http://127.0.0.1/leak.php; true")
	m.await(t, `keepone status php --json | grep '"reason": "memory"' && curl -sf http://127.0.0.1/pid.php`)

	// A limit that is too small, which a backend that has lived its minimum is
	// restarted for once: the wall is for what would fit, and nobody dies.
	limits(`hard = "2MiB"\nmin_life = "3s"\n`)
	m.await(t, "keepone status php | grep 'would fit' && test $(cat "+group+"/memory.max) != 150994944 && test $(cat "+group+"/memory.max) != max")
	m.await(t, `keepone status php --json | grep '"state": "up"' && keepone status php --json | awk -F'[:,]' '/"state_seconds"/ {exit !($2 > 4)}'`)
	before := m.run(t, "keepone status php --json | sed -n 's/.*\"total\": //p' | head -1; grep oom_kill "+group+"/memory.events")
	m.run(t, "for n in $(seq 20); do curl -sf http://127.0.0.1/pid.php || exit 1; done")
	if after := m.run(t, "keepone status php --json | sed -n 's/.*\"total\": //p' | head -1; grep oom_kill "+group+"/memory.events"); after != before {
		t.Errorf("before the limit that is too small %s, after %s", before, after)
	}

	// An operator's limit is neither moved nor taken away, and its OOM kill told.
	limits(`action = "warn"\nhard = "400MiB"\n`)
	m.await(t, "test $(cat "+group+"/memory.max) = max")
	m.run(t, "systemctl set-property --runtime keepone@php MemoryMax=100663296")
	limits(`hard = "400MiB"\nmin_life = "1s"\n`)
	m.run(t, "curl -s http://127.0.0.1/leak.php; true")
	m.await(t, `keepone status php --json | grep '"reason": "oom"' && keepone history php | grep 'out of memory' && keepone status php | grep 'processes killed'`)
	m.run(t, "sleep 3; test $(cat "+group+"/memory.max) = 100663296")
}
