package socket

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary play other processes, by its environment.
func TestMain(m *testing.M) {
	switch os.Getenv("SOCKET_TEST_ROLE") {
	case "":
		os.Exit(m.Run())
	case "backend":
		playBackend()
	case "client":
		playClient()
	case "listener":
		playListener()
	case "vandal":
		playVandal()
	}
}

// playBackend takes its listening socket as descriptor 0, says that it runs,
// waits for the end of descriptor 3, then accepts for ever and closes each
// connection when its client has.
func playBackend() {
	os.Stdout.WriteString("run\n")
	io.Copy(io.Discard, os.NewFile(3, "go"))
	for {
		fd, _, err := unix.Accept4(0, unix.SOCK_CLOEXEC)
		if err != nil {
			os.Exit(1)
		}
		go func() {
			connection := os.NewFile(uintptr(fd), "connection")
			io.Copy(io.Discard, connection)
			connection.Close()
		}()
	}
}

// playClient connects to the path in its environment, says so, and holds the
// connection until the end of its standard input.
func playClient() {
	fd, err := dial(os.Getenv("SOCKET_TEST_PATH"))
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("connected\n")
	io.Copy(io.Discard, os.Stdin)
	unix.Close(fd)
}

// playListener listens on the path in its environment until the end of its
// standard input.
func playListener() {
	path := os.Getenv("SOCKET_TEST_PATH")
	if isTCP(path) {
		listenTCP(path, os.Getenv("SOCKET_TEST_SHARE") != "")
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		os.Exit(1)
	}
	os.Stdout.WriteString("listening\n")
	io.Copy(io.Discard, os.Stdin)
	l.Close()
}

// playVandal does to descriptor 0, a listening socket that it shares, what its
// environment says.
func playVandal() {
	switch os.Getenv("SOCKET_TEST_HARM") {
	case "listen":
		unix.Listen(0, 5)
	case "shutdown":
		unix.Shutdown(0, unix.SHUT_RD)
	case "nonblock":
		unix.SetNonblock(0, true)
	}
	os.Stdout.WriteString("done\n")
}

// vandal lets another process do harm to l, and returns when it has.
func vandal(t *testing.T, l *Listener, harm string) {
	t.Helper()
	dup, err := unix.FcntlInt(uintptr(l.Fd()), unix.F_DUPFD_CLOEXEC, 0)
	must(t, err)
	in := os.NewFile(uintptr(dup), "listening socket")
	defer in.Close()
	play(t, &exec.Cmd{Stdin: in, Env: []string{"SOCKET_TEST_HARM=" + harm}}, "vandal")
}

// backend starts a process that holds l as its descriptor 0 and accepts once
// its descriptor 3 ends, with this process.
func backend(t *testing.T, l *Listener) *exec.Cmd {
	t.Helper()
	c, _ := waitingBackend(t, l)
	return c
}

// waitingBackend is a backend that accepts nothing before start is called.
func waitingBackend(t *testing.T, l *Listener) (c *exec.Cmd, start func()) {
	t.Helper()
	dup, err := unix.FcntlInt(uintptr(l.Fd()), unix.F_DUPFD_CLOEXEC, 0)
	must(t, err)
	in := os.NewFile(uintptr(dup), "listening socket")
	defer in.Close()
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	t.Cleanup(func() { w.Close() })
	c = &exec.Cmd{Stdin: in, ExtraFiles: []*os.File{r}}
	play(t, c, "backend")
	return c, func() { w.Close() }
}

// inNewNamespace makes the process start in a network namespace of its own,
// with a pipe for its standard input that ends with this process.
func inNewNamespace(c *exec.Cmd) *exec.Cmd {
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	c.StdinPipe() // kept open by c
	return c
}

// play starts the test binary in a role and waits for its first line, which is
// returned. The process is killed at the end of the test.
func play(t *testing.T, c *exec.Cmd, role string) string {
	t.Helper()
	c.Path, c.Args = "/proc/self/exe", []string{"role"}
	c.Env = append(append(os.Environ(), "SOCKET_TEST_ROLE="+role), c.Env...)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	line := make([]byte, 100)
	n, err := out.Read(line)
	must(t, err)
	return string(line[:n])
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// root skips where the test needs it.
func root(t *testing.T, what string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip(what + " needs root")
	}
}

// eventually waits for a condition, bounded only against hanging for ever.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func options(t *testing.T) Options {
	t.Helper()
	dir, err := os.MkdirTemp("", "k") // t.TempDir is long: it carries the test's name
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return Options{Path: filepath.Join(dir, "x.sock"), UID: -1, GID: -1, Mode: 0o660, Backlog: 64}
}

func bound(t *testing.T, o Options, generation int) *Listener {
	t.Helper()
	l, err := Bind(o, generation)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

func published(t *testing.T, o Options, generation int) *Listener {
	t.Helper()
	l := bound(t, o, generation)
	must(t, l.Publish())
	return l
}

func diag(t *testing.T) *Diag {
	t.Helper()
	d, err := OpenDiag()
	must(t, err)
	t.Cleanup(func() { d.Close() })
	return d
}

// ask is Queue for a test.
func ask(t *testing.T, d *Diag, l *Listener) Queue {
	t.Helper()
	q, err := d.Queue(l)
	must(t, err)
	return q
}

// dial connects as a web server does, by the name.
func dial(path string) (int, error) {
	if isTCP(path) {
		return dialTCP(path)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func connected(t *testing.T, path string) int {
	t.Helper()
	fd, err := dial(path)
	must(t, err)
	return fd
}

func accepted(t *testing.T, l *Listener) int {
	t.Helper()
	fd, _, err := unix.Accept4(l.Fd(), unix.SOCK_CLOEXEC)
	must(t, err)
	return fd
}
