package process

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// After an asked stop the rest has until Kill.
func TestRestHasTheStopTimeout(t *testing.T) {
	trees(t, func(b *bench) {
		t := b.T
		p := b.spawn(b.spec(`sh -c "trap '' TERM; echo deaf; while :; do sleep 1; done" & wait; echo over`), false)
		b.await("deaf")
		p.Terminate()
		select {
		case e := <-p.Exited():
			t.Fatalf("gave up by itself: %+v", e)
		case <-time.After(orphanGrace + orphanGrace/2):
		}
		p.Kill()
		if e := b.exit(p); e.Text != "killed by SIGTERM" {
			t.Errorf("%+v", e)
		}
	})
}

func TestCheck(t *testing.T) {
	b := newBench(t, "")
	run := func(ctx context.Context, script string, timeout time.Duration) error {
		s := b.spec(script)
		s.Handoff, s.Lock = NoSocket, ""
		return <-b.Check(ctx, s, timeout)
	}
	if err := run(t.Context(), "readlink /proc/self/fd/0 | grep -q /dev/null", time.Minute); err != nil {
		t.Error(err)
	}
	err := run(t.Context(), "seq 30; echo ModuleNotFoundError >&2; exit 3", time.Minute)
	if err == nil || !strings.Contains(err.Error(), "exit status 3\n22\n") || !strings.HasSuffix(err.Error(), "ModuleNotFoundError") {
		t.Errorf("%v", err)
	}
	if err := run(t.Context(), "echo slow; sleep 600", 100*time.Millisecond); err == nil || !strings.Contains(err.Error(), "no answer after 100ms") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, "sleep 600", time.Minute); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("%v", err)
	}
}

// What a check leaves running, with its output open, holds up nobody.
func TestCheckThatLeavesSomebody(t *testing.T) {
	b := newBench(t, "")
	s := b.spec("setsid sh -c 'echo $$; exec sleep 600' & sleep 0.1; exit 3")
	s.Handoff, s.Lock = NoSocket, ""
	err := <-b.Check(t.Context(), s, time.Minute)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Fatalf("%v", err)
	}
	lines := strings.Split(err.Error(), "\n")
	pid, bad := strconv.Atoi(lines[len(lines)-1])
	if bad != nil {
		t.Fatalf("%v", err)
	}
	syscall.Kill(pid, syscall.SIGKILL)
}

// The steady loop asks for the tree every second, for ever.
func TestPidsAllocatesNothing(t *testing.T) {
	trees(t, func(b *bench) {
		t := b.T
		p := b.spawn(b.spec("sleep 600 & echo on; wait"), false)
		b.await("on")
		buf := make([]int, 0, 64)
		if n := testing.AllocsPerRun(100, func() { buf = p.Pids(buf[:0]) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
		if len(buf) != 2 {
			t.Errorf("the tree is %v", buf)
		}
		p.Kill()
		b.exit(p)
	})
}

// 200 deaths leave no descriptor, no zombie and no cgroup behind.
func TestNothingLeaks(t *testing.T) {
	trees(t, func(b *bench) {
		t := b.T
		before := descriptors(t)
		for range 200 {
			b.exit(b.spawn(b.spec("exit 1"), false))
		}
		if after := descriptors(t); after > before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
		if left := newScan().children(os.Getpid(), nil); len(left) > 0 {
			t.Errorf("children are left: %v", left)
		}
		if b.Group != "" {
			if left, _ := filepath.Glob(b.Group + "/keepone-" + b.Name + "-*"); len(left) > 0 {
				t.Errorf("cgroups are left: %v", left)
			}
		}
	})
}

func descriptors(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// Only what is empty and of this very name goes.
func TestSweep(t *testing.T) {
	b := newBench(t, t.TempDir())
	for _, name := range []string{"1", "12", "2.3", "other-1", "x", ""} {
		if err := os.Mkdir(filepath.Join(b.Group, b.groupName(name)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(b.Group, b.groupName("12"), "somebody"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if left := b.Sweep(nil); len(left) > 0 {
		t.Errorf("somebody is left: %v", left)
	}
	entries, err := os.ReadDir(b.Group)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, strings.TrimPrefix(e.Name(), b.groupName("")))
	}
	if want := []string{"", "12", "other-1", "x"}; !slices.Equal(left, want) {
		t.Errorf("%q are left, want %q", left, want)
	}
}

// Linux before 5.14 has no cgroup.kill: a directory without it stands in.
func TestKillWithoutCgroupKill(t *testing.T) {
	b := newBench(t, "")
	p := b.spawn(b.spec("echo on; exec sleep 600"), false)
	b.await("on")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"cgroup.events": "populated 1\n", "cgroup.freeze": "0", "cgroup.procs": strconv.Itoa(p.PID()) + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	procs, err := os.Open(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		t.Fatal(err)
	}
	defer procs.Close()
	g := &group{dir, int(procs.Fd())}
	if err := g.kill(newScan()); err != nil {
		t.Error(err)
	}
	if e := b.exit(p); e.Text != "killed by SIGKILL" {
		t.Errorf("%+v", e)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "cgroup.freeze")); string(text) != "0" {
		t.Errorf("left frozen: %q", text)
	}
}

// A child that was there before keepone, as in "sleep 600 & exec keepone run",
// is nobody's orphan.
func TestStrangersAreLeftAlone(t *testing.T) {
	pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "600"}, &syscall.ProcAttr{Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(pid, syscall.SIGKILL) // the reaper of the tests waits for it
	later := NewReaper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go later.Run(ctx)
	runs := make(chan struct{})
	close(runs)
	for r, want := range map[*Reaper]bool{reaper: true, later: false} {
		l := &line{leader: 1 << 22, reaper: r, orphans: runs}
		if got := slices.Contains(l.pids(newScan(), nil), pid); got != want {
			t.Errorf("counted as an orphan: %v, want %v", got, want)
		}
	}
}

// A check that runs beside a backend, and a shim that waits, leave the backend's
// orphans alone.
func TestOrphansAreTheBackends(t *testing.T) {
	b := newBench(t, "")
	p := b.spawn(b.spec("(setsid setsid sleep 600 &); sleep 0.1; echo on; exec sleep 600"), false)
	b.await("on")
	pids := p.Pids(nil)
	if len(pids) != 2 {
		t.Fatalf("the tree is %v", pids)
	}
	s := b.spec("true")
	s.Handoff, s.Lock = NoSocket, ""
	if err := <-b.Check(t.Context(), s, time.Minute); err != nil {
		t.Error(err)
	}
	shim := b.spawn(b.spec("echo never"), true)
	shim.Kill()
	b.exit(shim)
	if now := p.Pids(nil); len(now) != 2 {
		t.Errorf("the tree was %v and is %v", pids, now)
	}
	p.Kill()
	b.exit(p)
	gone(t, pids)
}
