package probe

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// enough is when a test gives up on what never happens; nothing waits for it.
const enough = 30 * time.Second

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	t.Cleanup(cancel)
	return ctx
}

func newProbe(t testing.TB, r Request) *Probe {
	t.Helper()
	p, err := New(r)
	must(t, err)
	return p
}

// expect fails the test where err does not say all of want; without a want,
// where there is an error.
func expect(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil && len(want) > 0 {
		t.Errorf("no error, expected %q", want)
	}
	if err != nil && len(want) == 0 {
		t.Error(err)
	}
	for _, w := range want {
		if err != nil && !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in: %v", w, err)
		}
	}
}

// connect makes what socket.Listener.Connect makes.
func connect(t testing.TB, path string) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	must(t, err)
	must(t, unix.Connect(fd, &unix.SockaddrUnix{Name: path}))
	return fd
}

// pair returns a descriptor for Ask and the other end of it.
func pair(t testing.TB) (int, *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	must(t, err)
	f := os.NewFile(uintptr(fds[1]), "peer")
	defer f.Close()
	conn, err := net.FileConn(f)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return fds[0], conn.(*net.UnixConn)
}

// askPeer asks a peer that reads the request, answers with pieces, and closes.
func askPeer(t testing.TB, p *Probe, pieces ...string) error {
	t.Helper()
	fd, peer := pair(t)
	go func() {
		defer peer.Close()
		peer.Read(make([]byte, 64<<10)) // it was written at once
		for _, piece := range pieces {
			if _, err := io.WriteString(peer, piece); err != nil {
				return
			}
		}
	}()
	return p.Ask(within(t), fd)
}

// listen makes a listening socket for a server in this process.
func listen(t *testing.T) (net.Listener, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l, path
}

// backend starts a program whose descriptor 0 is a listening socket, and
// returns its path. Without the program the test is skipped.
func backend(t *testing.T, command ...string) string {
	t.Helper()
	program, err := exec.LookPath(command[0])
	if err != nil {
		t.Skipf("there is no %s", command[0])
	}
	l, path := listen(t)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	f, err := l.(*net.UnixListener).File() // makes a blocking one of both
	must(t, err)
	c := exec.Command(program, command[1:]...)
	c.Stdin, c.Stderr = f, os.Stderr
	must(t, c.Start())
	f.Close()
	l.Close()
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return path
}
