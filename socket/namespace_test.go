package socket

import (
	"errors"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// A client in another network namespace is pending like any other; once it is
// accepted only the descriptors of the backend show it.
func TestActiveIn(t *testing.T) {
	root(t, "a network namespace")
	o := options(t)
	o.Mode = 0o666
	l := published(t, o, 1)
	d := diag(t)
	c, start := waitingBackend(t, l)
	pids := []int{c.Process.Pid, c.Process.Pid, 1 << 30}
	count := func(want int) {
		t.Helper()
		eventually(t, "the count", func() bool {
			n, err := ActiveIn(l, pids)
			must(t, err)
			return n == want
		})
	}
	far := inNewNamespace(&exec.Cmd{Env: []string{"SOCKET_TEST_PATH=" + o.Path}})
	if said := play(t, far, "client"); said != "connected\n" {
		t.Fatal(said)
	}
	if q := ask(t, d, l); q.Pending != 1 {
		t.Errorf("queue %+v", q)
	}
	count(0)
	start()
	count(1)
	if q := ask(t, d, l); q.Active != 0 || q.Pending != 0 {
		t.Errorf("queue %+v: unix_diag sees it after all", q)
	}
	near := connected(t, o.Path)
	count(2)
	unix.Close(near)
	count(1)
	must(t, far.Process.Kill())
	count(0)
}

// A connection whose client is gone, held open by the backend, is not active;
// a duplicate is the same connection.
func TestActiveInOwnProcess(t *testing.T) {
	root(t, "SIOCUNIXFILE")
	o := options(t)
	l := published(t, o, 1)
	client := connected(t, o.Path)
	server := accepted(t, l)
	defer unix.Close(server)
	dup, err := unix.Dup(server)
	must(t, err)
	defer unix.Close(dup)
	for _, fd := range impostor(t, "@"+l.hidden()) {
		defer unix.Close(fd)
	}
	next := published(t, o, 2)
	defer unix.Close(connected(t, o.Path))
	defer unix.Close(accepted(t, next))
	for _, want := range []int{1, 0} {
		if n, err := ActiveIn(l, []int{unix.Getpid()}); n != want || err != nil {
			t.Errorf("%d, %v, want %d", n, err, want)
		}
		if want == 1 {
			unix.Close(client)
		}
	}
}

func TestActiveInNeedsRoot(t *testing.T) {
	if unix.Getuid() == 0 {
		t.Skip("we are root")
	}
	l := published(t, options(t), 1)
	if _, err := ActiveIn(l, []int{unix.Getpid()}); !errors.Is(err, unix.EPERM) {
		t.Errorf("error %v", err)
	}
}
