package install

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A fakeKeeper starts and stops by functions.
type fakeKeeper struct{ started, stopped func() }

func (fakeKeeper) install() error   { return nil }
func (fakeKeeper) uninstall() error { return nil }
func (fakeKeeper) runs() bool       { return true }
func (fakeKeeper) holds() bool      { return false }
func (k fakeKeeper) start() error   { k.started(); return nil }
func (k fakeKeeper) stop() error    { k.stopped(); return nil }

func aliveTask(t *testing.T) *Task {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "php")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return &Task{Name: "php", RunDir: dir, Init: "sysv", Out: io.Discard}
}

// A backend that outlived its keepone is adopted and ended, never left.
func TestEndSurvivor(t *testing.T) {
	task := aliveTask(t)
	lock, err := os.Create(filepath.Join(task.RunDir, "backend.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if task.survives() {
		t.Fatal("a lock that nobody holds is a survivor's")
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	var did []string
	k := fakeKeeper{started: func() { did = append(did, "start") }, stopped: func() { did = append(did, "stop") }}
	if err := task.end(k); err == nil || !strings.Contains(err.Error(), "outlived") {
		t.Errorf("while the backend lives, the end is %v", err)
	}
	k.stopped = func() {
		did = append(did, "stop")
		if len(did) > 4 {
			unix.Flock(int(lock.Fd()), unix.LOCK_UN)
		}
	}
	if err := task.end(k); err != nil || strings.Join(did, " ") != "stop start stop stop start stop" {
		t.Errorf("%q and then %v", did, err)
	}
}

// A keepone that the init system did not start is neither ended nor ignored.
func TestForeign(t *testing.T) {
	task := aliveTask(t)
	listener, err := net.Listen("unix", filepath.Join(task.RunDir, "control"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if pid := task.listener(); pid != os.Getpid() {
		t.Errorf("process %d listens, not %d", pid, os.Getpid())
	}
	nothing := func() {}
	if err := task.end(fakeKeeper{nothing, nothing}); err == nil || !strings.Contains(err.Error(), "did not start it") {
		t.Errorf("beside a foreign keepone the end is %v", err)
	}
}

// Who listens is waited for until it is gone.
func TestThrough(t *testing.T) {
	task := aliveTask(t)
	control := filepath.Join(task.RunDir, "control")
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 to listen in a process of its own")
	}
	c := exec.Command(python, "-c", `import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
print(flush=True); sys.stdin.read()`, control)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := task.through(func(int) error { return in.Close() }); err != nil {
		t.Error(err)
	}
	if connects(control) {
		t.Error("it still listens")
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	if err := task.through(func(pidfd int) error { return os.WriteFile(control+".none", nil, 0o600) }); err != nil || !exists(control+".none") {
		t.Errorf("where nobody listens: %v", err)
	}
}

// The socket's file goes only where it is one, and nobody listens.
func TestDropSocket(t *testing.T) {
	task := aliveTask(t)
	task.Socket = filepath.Join(task.RunDir, "php.sock")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: task.Socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	if err := task.dropSocket(); err != nil || !there(task.Socket) {
		t.Errorf("a socket that is served is gone: %v", err)
	}
	listener.Close()
	if err := task.dropSocket(); err != nil || there(task.Socket) {
		t.Errorf("a dead socket's file is left: %v", err)
	}
	if err := os.WriteFile(task.Socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := task.dropSocket(); err != nil || !there(task.Socket) {
		t.Errorf("a file that is no socket is gone: %v", err)
	}
}

// busy has somebody listen at the path who takes nobody any more.
func busy(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for full := false; !full; { // one waits in a backlog of 0, and no more
		c, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(c) })
		full = unix.Connect(c, &unix.SockaddrUnix{Name: path}) == unix.EAGAIN
	}
}

// Who listens and is too busy to take another one listens none the less.
func TestBusySocketStays(t *testing.T) {
	task := aliveTask(t)
	task.Socket = filepath.Join(task.RunDir, "php.sock")
	busy(t, task.Socket)
	if err := task.dropSocket(); err != nil || !there(task.Socket) {
		t.Errorf("the socket of somebody busy is gone: %v", err)
	}
}

// No process is named that is not known: "kill 0" ends whoever says it.
func TestUnknownProcess(t *testing.T) {
	task := aliveTask(t)
	busy(t, filepath.Join(task.RunDir, "control"))
	nothing := func() {}
	known := new(Error)
	if err := task.end(fakeKeeper{nothing, nothing}); !errors.As(err, &known) || strings.Contains(known.Hint+known.Error(), "0") {
		t.Errorf("%v, hint: %s", err, known.Hint)
	}
}
