package process

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOrphansOfAnAdoptedBackend: init has them, and still the backend has not
// exited before they have: those from before and after the adoption, with the
// mark alone and with the lock alone.
func TestOrphansOfAnAdoptedBackend(t *testing.T) {
	b := newMarked(t, "")
	script := `mkfifo go
(setsid bash -c 'exec 200>&-; echo marked $$; trap "" TERM; while :; do sleep 1; done' &)
(env -u KEEPONE setsid sh -c 'echo locked $$; exec sleep 600' &)
read x <go
(setsid bash -c 'exec 200>&-; echo later $$; exec sleep 600' &)
exec sleep 600`
	b.former(life{Script: script, Mode: "serve", Reaps: true}, "keepone ")
	leader, strays := b.number("backend"), []int{b.number("marked"), b.number("locked")}
	b.killed()
	p, err := b.Adopt(leader, b.proved(leader))
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range append(strays, leader) {
		if !contains(p.Pids(nil), pid) {
			t.Errorf("process %d is not in the tree %v", pid, p.Pids(nil))
		}
	}
	b.cheap(p)
	shim := b.spawn(b.spec("echo never"), true) // holds the next socket, and is marked
	if err := os.WriteFile(filepath.Join(b.dir, "go"), []byte("\n"), 0); err != nil {
		t.Fatal(err)
	}
	strays = append(strays, b.number("later"))
	syscall.Kill(leader, syscall.SIGKILL)
	e := b.exit(p)
	gone(t, append(strays, leader)) // the reading of /proc is over: they must be
	if !strings.Contains(e.Text, "processes behind") || e.Clean {
		t.Errorf("%+v", e)
	}
	if Ended(shim.pidfd) {
		t.Error("the waiting shim counted as a stray")
	}
	shim.Kill()
	b.exit(shim)
}

// cheap holds the steady loop's question to its price, and to counting nobody
// twice.
func (b *bench) cheap(p *Process) {
	b.Helper()
	once := p.Pids(nil)
	slices.Sort(once)
	if n := len(once); n != len(slices.Compact(once)) {
		b.Errorf("somebody counts twice in %v", p.Pids(nil))
	}
	buf := make([]int, 0, 64)
	if n := testing.AllocsPerRun(100, func() { buf = p.Pids(buf[:0]) }); n != 0 {
		b.Errorf("%v allocations", n)
	}
}

// TestKillEndsAnAdoptedTree before its leader can leave somebody behind.
func TestKillEndsAnAdoptedTree(t *testing.T) {
	trees(t, func(b *bench) {
		b.marked()
		script := `(setsid sh -c 'trap "" TERM; echo deaf $$; while :; do sleep 1; done' &)
while read x <none; do :; done; exec sleep 600`
		b.former(life{Script: script, Mode: "serve", Reaps: true}, "deaf ")
		leader, deaf := b.number("backend"), b.number("deaf")
		b.killed()
		p, err := b.Adopt(leader, b.proved(leader))
		if err != nil {
			b.Fatal(err)
		}
		p.Kill()
		b.exit(p)
		gone(b.T, []int{leader, deaf})
	})
}

// TestExitOfAStranger: the kernel tells, where it is new enough.
func TestExitOfAStranger(t *testing.T) {
	for how, want := range map[string]Exit{
		"exit 3":     {Text: "exit status 3"},
		"exit 0":     {Text: "exit status 0", Clean: true},
		"kill -9 $$": {Text: "killed by SIGKILL", Killed: true},
	} {
		for _, reaps := range []bool{true, false} {
			b := newMarked(t, "")
			b.former(life{Script: "mkfifo go; echo on; read x <go; " + how, Mode: "serve", Reaps: reaps}, "on\n")
			leader := b.number("backend")
			b.killed()
			pidfd := b.proved(leader)
			p, err := b.Adopt(leader, pidfd)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(b.dir, "go"), []byte("\n"), 0); err != nil {
				t.Fatal(err)
			}
			want := want
			if !reaps || !kernelTells(t) {
				want = Exit{Text: "ended; its exit status is not known, for this keepone did not start it", Unknown: true}
			}
			if e := b.exit(p); e != want {
				t.Errorf("%s, reaped %v: %+v, want %+v", how, reaps, e, want)
			}
		}
	}
}

// kernelTells says whether PIDFD_INFO_EXIT is there, by a process of our own.
func kernelTells(t *testing.T) bool {
	pidfd := -1
	_, status, err := reaper.start(func() (int, error) {
		return syscall.ForkExec("/bin/true", []string{"true"}, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{PidFD: &pidfd}})
	})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	<-status
	_, ok := strangersStatus(pidfd)
	return ok
}

// TestNoExitStatus stands in for a kernel that does not know the ioctl.
func TestNoExitStatus(t *testing.T) {
	if e := describeStranger(0); !strings.Contains(e.Text, "not known") {
		t.Errorf("%+v", e)
	}
}
