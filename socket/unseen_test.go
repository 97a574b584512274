package socket

import (
	"errors"
	"io/fs"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// Of what a backend has, only connections from another network namespace are
// unseen: neither its listening socket, nor one from here, nor a TCP socket.
func TestUnseenIn(t *testing.T) {
	root(t, "a network namespace")
	o := options(t)
	o.Mode = 0o666
	l := published(t, o, 1)
	c, start := waitingBackend(t, l)
	pids := []int{c.Process.Pid, c.Process.Pid, 1 << 30}
	start()
	count := func(want int) {
		t.Helper()
		eventually(t, "the count", func() bool {
			n, err := UnseenIn(l, pids, -1, -1)
			must(t, err)
			return n == want
		})
	}
	near := connected(t, o.Path)
	defer unix.Close(near)
	eventually(t, "it is accepted", func() bool { return ask(t, diag(t), l).Active == 1 })
	count(0)
	far := inNewNamespace(&exec.Cmd{Env: []string{"SOCKET_TEST_PATH=" + o.Path}})
	if said := play(t, far, "client"); said != "connected\n" {
		t.Fatal(said)
	}
	count(1)
	must(t, far.Process.Kill())
}

// Who may not look is told so, and who looked as somebody else is himself again.
func TestUnseenInNeedsTheRight(t *testing.T) {
	l := published(t, options(t), 1)
	if unix.Getuid() == 0 {
		t.Skip("we are root")
	}
	if _, err := UnseenIn(l, []int{1}, -1, -1); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("error %v", err)
	}
}

func TestAsUser(t *testing.T) {
	root(t, "another user")
	now := func() int { id, _ := unix.SetfsuidRetUid(-1); return id }
	must(t, unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0))
	during := -1
	err := asUser(65534, 65534, func() error { during = now(); return errNoFile })
	if during != 65534 || err != errNoFile || now() != 0 {
		t.Errorf("user %d, then %d; %v", during, now(), err)
	}
	if n, _ := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); n != 1 {
		t.Errorf("dumpable is %d", n)
	}
}
