package socket

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// foreigner is a process that listens and shares nothing, of another user where
// that can be had.
func foreigner(t *testing.T, o Options) (c *exec.Cmd, end func()) {
	t.Helper()
	c = &exec.Cmd{Env: []string{"SOCKET_TEST_PATH=" + o.Path}}
	if os.Geteuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	in, err := c.StdinPipe()
	must(t, err)
	if said := play(t, c, "listener"); said != "listening\n" {
		t.Fatal(said)
	}
	return c, func() {
		in.Close()
		c.Wait()
	}
}

// Where somebody else listens a socket can be had all the same; nobody comes to
// it until the other is gone, who does not notice, and it says who that is.
func TestTCPReserve(t *testing.T) {
	versions(t, func(t *testing.T, o Options) {
		d := diag(t)
		c, end := foreigner(t, o)
		l, err := Reserve(o, 1)
		must(t, err)
		defer l.Close()
		for range 2 {
			inUse := new(InUseError)
			if cure := mended(t, d, l, true); !errors.As(cure.InTheWay, &inUse) || len(inUse.Holders) != 1 || inUse.Holders[0].PID != c.Process.Pid || cure.Path {
				t.Fatalf("%+v", cure)
			}
		}
		fd, err := dialTCP(o.Path)
		must(t, err)
		defer unix.Close(fd)
		if q := ask(t, d, l); q != (Queue{Backlog: o.Backlog}) || l.Published() {
			t.Errorf("%+v, published: %v", q, l.Published())
		}
		if _, err := Adopt(o, 1, l.Fd()); !errors.Is(err, ErrUnpublished) {
			t.Errorf("it was adopted: %v", err)
		}
		end()
		if cure := mended(t, d, l, true); !cure.Path || cure.InTheWay != nil || !l.Published() {
			t.Errorf("%+v, published: %v", cure, l.Published())
		}
		if cure := mended(t, d, l, true); cure != (Cure{}) {
			t.Errorf("%+v", cure)
		}
		here, err := dialTCP(o.Path)
		must(t, err)
		defer unix.Close(here)
		pending(t, d, l, 1)
	})
	l, err := Reserve(Options{Path: t.TempDir() + "/s", UID: -1, GID: -1, Mode: 0o600, Backlog: 4}, 1)
	must(t, err)
	must(t, l.Close())
}

// A rival is superseded without a refused connection, and whoever waits at it
// stays there.
func TestTCPSupersedeRival(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may take another's socket")
	}
	versions(t, func(t *testing.T, o Options) {
		d := diag(t)
		c, _ := foreigner(t, o)
		l, err := Reserve(o, 1)
		must(t, err)
		defer l.Close()
		var waiting []int
		for range 3 {
			fd, err := dialTCP(o.Path)
			must(t, err)
			waiting = append(waiting, fd)
		}
		must(t, l.Publish(c.Process.Pid))
		for range 5 {
			fd, err := dialTCP(o.Path)
			must(t, err)
			waiting = append(waiting, fd)
		}
		pending(t, d, l, 5)
		if cure := mended(t, d, l, true); cure != (Cure{}) || !l.Published() {
			t.Errorf("%+v, published: %v", cure, l.Published())
		}
		for _, fd := range waiting {
			var err error
			if code, cause := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); code != 0 || cause != nil {
				err = fmt.Errorf("error %d, %v", code, cause)
			}
			must(t, err)
			unix.Close(fd)
		}
	})
}
