package vm

import (
	"strings"
	"testing"
)

// What else a kernel must be good for: a site at a TCP address, and load.
var floor = map[string]string{
	"tcp.toml": `[backend]
command = ["/usr/bin/python3", "/mnt/answer.py"]
user = "www-data"
[socket]
path = "tcp://127.0.0.1:9000"
[drain]
patience = "100ms"
`,
	"stray.php": `<?php exec("setsid sh -c 'trap \"\" TERM; exec sleep 54321' >/dev/null 2>&1 &");`,
	// A FastCGI backend of one request at a time that knows nothing of a graceful end.
	"answer.py": `import os, socket, struct
listener = socket.socket(fileno=0)
def record(kind, data):
    return struct.pack(">BBHHBx", 1, kind, 1, len(data), 0) + data
while True:
    conn, _ = listener.accept()
    kind = None
    with conn, conn.makefile("rb") as f:
        while True:
            head = f.read(8)
            if len(head) < 8:
                break
            _, kind, _, size, padding = struct.unpack(">BBHHBx", head)
            f.read(size + padding)
            if kind == 5 and size == 0:
                body = b"Content-Type: text/plain\r\n\r\npid %d\n" % os.getpid()
                conn.sendall(record(6, body) + record(6, b"") + record(3, bytes(8)))
                break
`,
	// Requests, four at a time, until /run/enough is there; prints how many there
	// were and how many were not answered with 200.
	"load": `rm -f /run/enough
for client in 1 2 3 4; do
	(while [ ! -e /run/enough ]; do
		curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1/$1
	done) &
done | awk '{ all++ } $0 != 200 { failed++ } END { print all + 0, failed + 0 }'
`,
	"small.toml": `[backend]
command = ["/mnt/static"]
user = "1234"
[memory]
hard = "50%"
[socket]
path = "/run/small/small.sock"
`,
}

const (
	pidOf  = ` --json | sed -n 's/.*"pid": //p' | head -1 | tr -d ,`
	mainOf = "systemctl show -P MainPID keepone@"
)

// under runs a script while a site is under load, and demands that it costs
// nobody anything.
func (m *machine) under(t *testing.T, page, script string) {
	t.Helper()
	m.run(t, "sh /mnt/load "+page+" >/run/load 2>&1 &")
	m.run(t, script)
	m.run(t, "touch /run/enough")
	if out := m.await(t, "grep ' ' /run/load"); !strings.HasSuffix(out, " 0") || strings.HasPrefix(out, "0 ") {
		t.Errorf("%s: requests, failed: %s", page, out)
	}
}

// restarts tries what must not be noticed, on this kernel: planned restarts, the
// death of keepone, and another program in its place.
func (m *machine) restarts(t *testing.T) {
	m.run(t, "rm -f /run/systemd/system.control/keepone@php.service.d/*; systemctl daemon-reload") // limits of other tests
	m.run(t, "sed -i '/memory/,$d' /etc/keepone/php.toml && keepone reload php && keepone restart-backend php")
	m.await(t, "curl -sf http://127.0.0.1/pid.php")
	m.survives(t, "php", "pid.php")
	// What went off by itself, and hears no signal, ends with its backend all the same.
	m.run(t, "curl -sf http://127.0.0.1/stray.php")
	m.await(t, "pgrep -xf 'sleep 54321'")
	m.run(t, "keepone restart-backend php && ! pgrep -xf 'sleep 54321'")
	m.run(t, "keepone exec php -- true && keepone status --ready php && keepone status --live php")
}

// address is the same at a TCP address.
func (m *machine) address(t *testing.T) {
	m.run(t, "systemctl start keepone@tcp")
	m.await(t, "curl -sf http://127.0.0.1/pid.tcp")
	m.survives(t, "tcp", "pid.tcp")
	pid := m.run(t, "keepone status tcp"+pidOf)
	m.run(t, "systemctl stop keepone@tcp && test ! -e /proc/"+pid)
}

func (m *machine) survives(t *testing.T, name, page string) {
	t.Helper()
	before := m.run(t, "keepone status "+name+pidOf)
	m.under(t, page, "for n in 1 2 3; do keepone restart-backend "+name+" || exit 1; done")
	adopted := m.run(t, "keepone status "+name+pidOf)
	if adopted == before {
		t.Errorf("process %s before and after three restarts", before)
	}
	supervisor := m.run(t, mainOf+name)
	m.under(t, page, "kill -9 "+supervisor+`
for n in $(seq 300); do
	now=$(`+mainOf+name+`)
	[ "$now" = 0 ] || [ "$now" = `+supervisor+` ] || ! keepone status --ready `+name+` || exit 0
	sleep 0.1
done
exit 1`)
	supervisor = m.run(t, mainOf+name)
	m.under(t, page, "cp /mnt/keepone /usr/bin/.keepone && mv /usr/bin/.keepone /usr/bin/keepone && keepone upgrade "+name)
	if after := m.run(t, "keepone status "+name+pidOf+"; "+mainOf+name); after != adopted+"\n"+supervisor {
		t.Errorf("backend and keepone were %s and %s, and are %q", adopted, supervisor, after)
	}
}

// contained runs keepone as process 1 in a cgroup with little memory: that is
// then all there is.
func (m *machine) contained(t *testing.T) {
	const inside = "unshare -C -p -m -n --fork --kill-child sh -c '" +
		"mount -t proc proc /proc && umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && mount -t tmpfs tmpfs /run && " +
		"exec env -u JOURNAL_STREAM setpriv --bounding-set -sys_ptrace,-sys_admin,-net_admin /usr/bin/keepone run small'"
	m.run(t, "systemd-run --quiet --unit=small -p MemoryMax=104857600 -p KillMode=mixed -p LogRateLimitIntervalSec=0 "+inside)
	const first = "pid=$(pgrep -xf '/usr/bin/keepone run small') && in=\"nsenter -t $pid -p -m -n -C\" && "
	m.await(t, first+"$in keepone status --ready small")
	if out := m.run(t, first+"$in keepone status --json small"); !strings.Contains(out, `"room_bytes": 104857600`) || !strings.Contains(out, `"hard_bytes": 52428800`) {
		t.Errorf("status: %s", out)
	}
	m.run(t, first+"$in keepone restart-backend small && kill -TERM $pid")
	m.await(t, "! systemctl is-active small")
	if out := m.run(t, "journalctl -u small -o cat"); !strings.Contains(out, "static serves as user 1234 group 1234") || !strings.Contains(out, "small: stopped") {
		t.Errorf("it says: %s", out)
	}
	m.run(t, "systemctl show -P ExecMainStatus small | grep -x 0 || ! systemctl status small")
}
