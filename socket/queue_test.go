package socket

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// forge binds abstract names made to look like l's, with a connection each:
// the very path, and (nothing that breaks procfs, the second opinion) one with
// the path inside.
func forge(t *testing.T, l *Listener) (end func()) {
	t.Helper()
	var all []int
	for _, name := range []string{"@" + l.hidden(), "@ " + l.hidden()} {
		all = append(all, impostor(t, name)...)
	}
	return func() {
		for _, fd := range all {
			unix.Close(fd)
		}
	}
}

// impostor is a listening abstract socket with an accepted and a pending
// connection.
func impostor(t *testing.T, name string) []int {
	t.Helper()
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	must(t, unix.Bind(s, &unix.SockaddrUnix{Name: name}))
	must(t, unix.Listen(s, 9))
	a, b := connected(t, name), connected(t, name)
	fd, _, err := unix.Accept4(s, unix.SOCK_CLOEXEC)
	must(t, err)
	return []int{s, a, b, fd}
}

// A name with a newline writes a line of its own into /proc/net/unix.
func TestForgedLine(t *testing.T) {
	l := published(t, options(t), 1)
	line := fmt.Sprintf("x\n0: 00000003 00000000 00000000 0001 03 99 %s", l.hidden())
	for _, fd := range impostor(t, "@"+line[:min(len(line), sunPathMax)]) {
		defer unix.Close(fd)
	}
	if q := ask(t, diag(t), l); q != (Queue{Backlog: 64}) {
		t.Errorf("queue %+v", q)
	}
}

func TestShutDownIsSeen(t *testing.T) {
	o := options(t)
	d := diag(t)
	l := published(t, o, 1)
	dup, err := unix.Dup(l.Fd())
	must(t, err)
	defer unix.Close(dup)
	must(t, unix.Shutdown(dup, unix.SHUT_WR))
	if ask(t, d, l).ShutDown {
		t.Error("shut down for sending only, it still serves")
	}
	unix.Close(connected(t, o.Path))
	unix.Close(accepted(t, l))
	must(t, unix.Shutdown(dup, unix.SHUT_RD))
	if !ask(t, d, l).ShutDown {
		t.Error("not seen")
	}
	if _, err := l.Connect(); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("error %v", err)
	}
	err = Prepare(o) // still held, so still in the way: Publish is what replaces it
	var inUse *InUseError
	if !errors.As(err, &inUse) {
		t.Errorf("error %v", err)
	}
	published(t, o, 2)
}

func TestRelisten(t *testing.T) {
	o := options(t)
	d := diag(t)
	l := published(t, o, 1)
	must(t, unix.Listen(l.Fd(), 1))
	var clients []int
	for {
		fd, err := l.Connect()
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		must(t, err)
		clients = append(clients, fd)
	}
	if q := ask(t, d, l); q.Backlog != 1 || q.Pending != len(clients) || q.Pending > 2 {
		t.Errorf("queue %+v, %d clients", q, len(clients))
	}
	must(t, l.Relisten())
	if q := ask(t, d, l); q.Backlog != 64 {
		t.Errorf("queue %+v", q)
	}
	fd, err := l.Connect()
	must(t, err)
	for _, fd := range append(clients, fd) {
		unix.Close(fd)
	}
}

// manyClients is more than one part of a dump holds.
const manyClients = 900

// A dump in many parts is counted right, and without garbage.
func TestLargeDump(t *testing.T) {
	limit := unix.Rlimit{}
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	if limit.Cur < 2*manyClients+100 {
		t.Skipf("only %d descriptors allowed", limit.Cur)
	}
	o := options(t)
	o.Backlog = 1000
	l := published(t, o, 1)
	d := diag(t)
	for range manyClients {
		defer unix.Close(connected(t, o.Path))
		defer unix.Close(accepted(t, l))
	}
	defer unix.Close(connected(t, o.Path))
	parts := 0
	must(t, d.ask(unix.NLM_F_DUMP, 1<<stateEstablished, 0, showVFS))
	for done := false; !done; parts++ {
		b, err := d.receive()
		must(t, err)
		for len(b) > 0 {
			var m message
			m, b, err = nextMessage(b)
			must(t, err)
			done = m.kind == unix.NLMSG_DONE
		}
	}
	if parts < 3 {
		t.Errorf("only %d parts: the test proves nothing", parts)
	}
	if q := ask(t, d, l); q.Active != manyClients || q.Pending != 1 {
		t.Errorf("queue %+v", q)
	}
	if n := testing.AllocsPerRun(100, func() { d.Queue(l) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAcceptedAllocatesNothing(t *testing.T) {
	o := options(t)
	published(t, o, 1)
	d := diag(t)
	client := connected(t, o.Path)
	defer unix.Close(client)
	if n := testing.AllocsPerRun(100, func() { d.Accepted(client) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestQueueErrors(t *testing.T) {
	d := diag(t)
	l := published(t, options(t), 1)
	gone := *l
	gone.sockIno = 1
	if _, err := d.Queue(&gone); !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), l.options.Path) {
		t.Errorf("error %v", err)
	}
	if _, err := d.Accepted(-1); !errors.Is(err, unix.EBADF) {
		t.Errorf("error %v", err)
	}
	must(t, d.Close())
	must(t, d.Close())
	if _, err := d.Queue(l); !errors.Is(err, unix.EBADF) {
		t.Errorf("error %v", err)
	}
}
