package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func contains(pids []int, pid int) bool { return slices.Contains(pids, pid) }

// takeRun waits as the next keepone does for the lock of the former one, which
// lives on for a moment in a child between fork and exec.
func (b *bench) takeRun() {
	b.Helper()
	for range 3000 {
		f, err := lockFile(filepath.Join(b.dir, "run"))
		if err == nil {
			b.Cleanup(func() { f.Close() })
			return
		}
		f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			b.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	b.Fatal("the former keepone does not go")
}

// runs spawns a backend that must run, and be the only one.
func (b *bench) runs() {
	b.Helper()
	p := b.spawn(b.spec("echo second; exec sleep 600"), false)
	b.await("second")
	p.Kill()
	b.exit(p)
}

// TestKilledBeforeItIsRecorded: the shim is found by its mark, never runs, and
// is ended, with a cgroup and without.
func TestKilledBeforeItIsRecorded(t *testing.T) {
	trees(t, func(b *bench) {
		b.marked()
		b.former(life{Script: "echo first", Mode: "unknown", Reaps: true}, "keepone ")
		gone(b.T, []int{b.number("keepone")})
		b.takeRun()
		shims := newScan().marked(b.proof(), nil)
		if len(shims) != 1 || !IsShim(shims[0], b.Name) || IsShim(shims[0], "other") {
			b.Fatalf("the shims are %v", shims)
		}
		if left := b.Sweep(nil); len(left) > 0 {
			b.Errorf("the sweep left %v", left)
		}
		gone(b.T, shims)
		b.runs()
		if strings.Contains(b.said(), "first") {
			b.Errorf("it ran without the word: %q", b.said())
		}
		if left := b.Sweep(nil); b.Group != "" && len(left) > 0 {
			b.Errorf("%v", left)
		}
	})
}

// TestKilledBeforeTheWord: who is recorded holds the socket for the next keepone,
// and can be told from a backend.
func TestKilledBeforeTheWord(t *testing.T) {
	b := newMarked(t, "")
	b.former(life{Script: "echo first", Mode: "recorded", Reaps: true}, "backend ")
	pid := b.number("backend")
	gone(t, []int{b.number("keepone")})
	b.takeRun()
	awaitIdle(t, pid)
	if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", pid)); err != nil || !strings.HasPrefix(to, "socket:") || !IsShim(pid, b.Name) {
		t.Errorf("%q, %v", to, err)
	}
	if left := b.Sweep(nil); len(left) > 0 {
		t.Errorf("the sweep left %v", left)
	}
	gone(t, []int{pid})
	b.runs()
	if strings.Contains(b.said(), "first") {
		t.Error("it ran without the word")
	}
}

// TestKilledAfterTheWord: it becomes the backend, whose number is known, and no
// second one runs beside it.
func TestKilledAfterTheWord(t *testing.T) {
	trees(t, func(b *bench) {
		b.marked()
		b.former(life{Script: "echo first; exec sleep 600", Mode: "told", Reaps: true}, "backend ")
		pid := b.number("backend")
		pidfd := b.proved(pid)
		b.takeRun()
		b.await("first")
		if IsShim(pid, b.Name) {
			b.Error("a backend counts as a shim")
		}
		if left := b.Sweep(nil); !slices.Equal(left, []int{pid}) {
			b.Errorf("the sweep left %v, want %d", left, pid)
		}
		if e := b.exit(b.spawn(b.spec("echo second"), false)); !e.Blocked || strings.Contains(b.said(), "second") {
			b.Errorf("%+v, %q", e, b.said())
		}
		p, err := b.Adopt(pid, pidfd)
		if err != nil {
			b.Fatal(err)
		}
		if left := b.Sweep(p); len(left) > 0 {
			b.Errorf("the sweep left %v of the adopted backend", left)
		}
		p.Kill()
		b.exit(p)
		b.runs()
	})
}

// TestKilledAtAnyMoment of a spawn nothing runs twice: afterwards either nobody
// is left, or a backend that the sweep names.
func TestKilledAtAnyMoment(t *testing.T) {
	for n := range 20 {
		b := newMarked(t, "")
		b.former(life{Script: "echo first; exec sleep 600", Mode: "serve", Reaps: true}, "keepone ")
		pid := b.number("keepone")
		for i := 0; i < 100*n && len(newScan().children(pid, nil)) == 0; i++ {
		}
		syscall.Kill(pid, syscall.SIGKILL)
		gone(t, []int{pid})
		b.takeRun()
		left := b.Sweep(nil)
		if len(left) > 1 {
			t.Fatalf("the sweep left %v", left)
		}
		for _, pid := range left {
			b.await("first")
			fd := b.proved(pid)
			if !contains(b.Sweep(nil), pid) {
				t.Error("who was left is gone")
			}
			unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
			unix.Close(fd)
			gone(t, left)
		}
		b.runs()
		if strings.Count(b.said(), "first") > 1 {
			t.Errorf("left %v: %q", left, b.said())
		}
	}
}
