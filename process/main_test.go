package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary is the shim, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "shim" {
		os.Exit(Shim(lockFile, found))
	}
	if len(os.Args) == 3 && os.Args[1] == "job" {
		os.Exit(JobShim())
	}
	if len(os.Args) == 3 && os.Args[1] == "exec" {
		execute(os.Args[2])
	}
	if len(os.Args) == 3 && !strings.HasPrefix(os.Args[1], "-") {
		os.Exit(other(os.Args[1], os.Args[2]))
	}
	AdoptOrphans()
	go reaper.Run(context.Background())
	os.Exit(m.Run())
}

func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return f, unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}

// A bench is a spawner with what a spawn needs.
type bench struct {
	*testing.T
	Spawner
	dir    string
	out    *os.File
	socket int
}

// trees runs a test with a cgroup of each backend's own, where that can be
// had, and with /proc alone.
func trees(t *testing.T, test func(*bench)) {
	t.Run("proc", func(t *testing.T) { test(newBench(t, "")) })
	t.Run("cgroup", func(t *testing.T) {
		group, err := OwnGroup()
		if err == nil {
			err = unix.Access(group, unix.W_OK)
		}
		if err != nil {
			t.Skipf("no cgroup v2 that may be written: %v", err)
		}
		test(newBench(t, group))
	})
}

// reaper serves all tests of the process, from TestMain on: there is one parent.
var reaper = NewReaper()

func newBench(t *testing.T, group string) *bench {
	dir := t.TempDir()
	out, err := os.OpenFile(filepath.Join(dir, "out"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: filepath.Join(dir, "s")}); err != nil {
		t.Fatal(err)
	}
	unix.Listen(fd, 8)
	t.Cleanup(func() { unix.Close(fd); out.Close() })
	name := fmt.Sprintf("test%d", os.Getpid())
	return &bench{t, Spawner{Reaper: reaper, Name: name, Group: group, Stop: unix.SIGTERM, Env: os.Environ(), Log: t.Logf}, dir, out, fd}
}

func (b *bench) spec(script string) Spec {
	return Spec{
		Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin", "A=b c"}, Dir: b.dir,
		UID: -1, GID: -1, Umask: 0o022, Handoff: FD0, Lock: filepath.Join(b.dir, "lock"),
	}
}

func (b *bench) spawn(s Spec, hold bool) *Process {
	b.Helper()
	p, err := b.Spawn(s, Ends{b.socket, b.out}, hold)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func (b *bench) exit(p *Process) Exit {
	b.Helper()
	select {
	case e := <-p.Exited():
		p.Close()
		return e
	case <-time.After(30 * time.Second):
		p.Kill()
		b.Fatalf("process %d did not end; it said %q", p.PID(), b.said())
		return Exit{}
	}
}

func (b *bench) said() string {
	text, err := os.ReadFile(b.out.Name())
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

// await waits until the output has the text.
func (b *bench) await(text string) {
	b.Helper()
	for range 3000 {
		if strings.Contains(b.said(), text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.Fatalf("no %q in the output: %q", text, b.said())
}

func locked(path string) bool {
	f, err := lockFile(path)
	if f != nil {
		f.Close()
	}
	return errors.Is(err, syscall.EWOULDBLOCK)
}
