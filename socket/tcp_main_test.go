package socket

import (
	"fmt"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// tcpOptions are those of a free port at the address.
func tcpOptions(t *testing.T, address string) Options {
	t.Helper()
	probe := Options{Path: fmt.Sprintf("tcp://%s:1", address)}
	a, err := probe.tcpAddress()
	must(t, err)
	a.port = 0
	fd, err := unix.Socket(int(a.family), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	if err := unix.Bind(fd, a.sockaddr()); err != nil {
		t.Skipf("no %s here: %v", address, err)
	}
	_, at, err := nameOf(unix.SYS_GETSOCKNAME, fd)
	must(t, err)
	return Options{Path: fmt.Sprintf("tcp://%s:%d", address, at.port), UID: -1, GID: -1, Backlog: 64}
}

// versions runs the test with IPv4 and IPv6, which look listening sockets up in
// another order.
func versions(t *testing.T, test func(*testing.T, Options)) {
	t.Run("4", func(t *testing.T) { test(t, tcpOptions(t, "127.0.0.1")) })
	t.Run("6", func(t *testing.T) { test(t, tcpOptions(t, "[::1]")) })
}

func dialTCP(path string) (int, error) {
	a, err := Options{Path: path}.tcpAddress()
	if err != nil {
		return -1, err
	}
	fd, err := unix.Socket(int(a.family), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Connect(fd, a.sockaddr()); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// listenTCP is the listener role at a TCP address.
func listenTCP(path string, share bool) {
	a, err := Options{Path: path}.tcpAddress()
	if err == nil {
		var fd int
		if fd, err = rival(a, share); err == nil {
			os.Stdout.WriteString("listening\n")
			io.Copy(io.Discard, os.Stdin)
			unix.Close(fd)
			os.Exit(0)
		}
	}
	os.Stdout.WriteString(err.Error() + "\n")
	os.Exit(1)
}

// rival is a listening socket as any program makes it.
func rival(a tcpAddress, share bool) (int, error) {
	fd, err := unix.Socket(int(a.family), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); share {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if err = unix.Bind(fd, a.sockaddr()); err == nil {
		err = unix.Listen(fd, 9)
	}
	if err != nil {
		unix.Close(fd)
	}
	return fd, err
}

// mended is one Mend without an error.
func mended(t *testing.T, d *Diag, l *Listener, published bool) Cure {
	t.Helper()
	c, err := d.Mend(l, published)
	must(t, err)
	return c
}

// pending waits until so many wait at l: the last step of a handshake may come
// a moment later.
func pending(t *testing.T, d *Diag, l *Listener, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d pending at generation %d", n, l.generation), func() bool { return ask(t, d, l).Pending == n })
}

// leaveNoTrace lets close(2) reset a TCP connection, which has been answered by
// then: a hundred thousand that end properly are in the kernel's table for a
// minute (TIME_WAIT) and make every look at it slow.
func leaveNoTrace(fd int) {
	unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}
