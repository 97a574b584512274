package rss

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// sleepers are processes that have settled: they say so once everything that
// they do is done.
func sleepers(t *testing.T, n int) (pids []int) {
	t.Helper()
	for range n {
		c := exec.Command("sh", "-c", "echo; read forever")
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
		t.Cleanup(func() { in.Close(); c.Process.Kill(); c.Wait() })
		if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		pids = append(pids, c.Process.Pid)
	}
	return pids
}

// rollupOf is what procfs says.
func rollupOf(t *testing.T, pids []int) (sum Rollup) {
	t.Helper()
	for _, pid := range pids {
		p, err := procfs.NewProc(pid)
		if err != nil {
			t.Fatal(err)
		}
		m, err := p.ProcSMapsRollup()
		if err != nil {
			t.Fatal(err)
		}
		sum.RSS += m.Rss
		sum.PSS += m.Pss
		sum.Private += m.PrivateClean + m.PrivateDirty
		sum.Swap += m.SwapPss
		sum.SwapFull += m.Swap
	}
	return sum
}

// A page that others share, too, changes everybody's share when one of them
// ends: so before and after must agree.
func TestRollupAgreesWithProcfs(t *testing.T) {
	var r Rollups
	pids := sleepers(t, 3)
	for range 10_000 {
		before := rollupOf(t, pids)
		got, err := r.Sum(pids)
		if err != nil {
			t.Fatal(err)
		}
		if after := rollupOf(t, pids); before != after {
			continue
		}
		if got != before || got.Private == 0 || got.PSS < got.Private || got.RSS < got.PSS {
			t.Fatalf("%+v, procfs says %+v", got, before)
		}
		return
	}
	t.Error("the processes never stand still")
}

// What is not there weighs nothing, and leaves no descriptor behind.
func TestRollupOfTheGoneIsNothing(t *testing.T) {
	c := exec.Command("true")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	exited(t, c.Process.Pid)
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	var r Rollups
	before := descriptors(t)
	for name, pids := range map[string][]int{
		"a zombie": {c.Process.Pid}, "the gone": {gone.Process.Pid}, "no number": {-1, 0, 1 << 30}, "nobody": nil,
	} {
		if sum, err := r.Sum(pids); sum != (Rollup{}) || err != nil {
			t.Errorf("%s: %+v, %v", name, sum, err)
		}
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	pids := append(sleepers(t, 1), gone.Process.Pid)
	if sum, err := r.Sum(pids); sum.RSS == 0 || err != nil {
		t.Errorf("a live one beside them: %+v, %v", sum, err)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// exited waits until the child is a zombie.
func exited(t *testing.T, pid int) {
	t.Helper()
	err := error(unix.EINTR)
	for err == unix.EINTR {
		err = unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// stranger returns a process whose memory the test's own goroutine may not look
// at: where it is root's, its thread is nobody's until the end of the test.
func stranger(t *testing.T) (pid int) {
	t.Helper()
	if os.Getuid() != 0 {
		return 1
	}
	pid = sleepers(t, 1)[0]
	become := func(uid uintptr) {
		keep := ^uintptr(0)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, uid, keep); errno != 0 {
			t.Error(errno)
		}
	}
	runtime.LockOSThread()
	t.Cleanup(func() {
		become(0)
		runtime.UnlockOSThread()
	})
	become(65534)
	return pid
}

// A part of the tree is no sum: the error is one, names the process, and costs
// no garbage when it comes again.
func TestRollupOfStrangers(t *testing.T) {
	pid, own := stranger(t), os.Getpid() // whose threads may look at each other
	var r Rollups
	sum, err := r.Sum([]int{own, pid, own})
	if !errors.Is(err, unix.EACCES) || sum != (Rollup{}) || !strings.Contains(err.Error(), "cannot weigh process ") {
		t.Errorf("%+v, %v", sum, err)
	}
	if n := testing.AllocsPerRun(100, func() { sum, err = r.Sum([]int{pid}) }); n != 0 || err == nil {
		t.Errorf("%v allocations, %v", n, err)
	}
	if _, err := r.Sum([]int{1 << 30}); err != nil {
		t.Errorf("a later question: %v", err)
	}
}

func TestRollupText(t *testing.T) {
	whole := "Rss: 1 kB\nPss: 2 kB\nPss_Dirty: 999 kB\nPrivate_Clean: 3 kB\nPrivate_Dirty: 4 kB\nSwap: 5 kB\nSwapPss: 6 kB\n"
	var sum Rollup
	if err := sum.read([]byte(whole)); err != nil || sum != (Rollup{1 << 10, 2 << 10, 7 << 10, 6 << 10, 5 << 10}) {
		t.Errorf("%+v, %v", sum, err)
	}
	for i := range strings.LastIndex(whole, "SwapPss:") {
		if err := new(Rollup).read([]byte(whole[:i])); err == nil {
			t.Fatalf("%q was believed", whole[:i])
		}
	}
}

// It is read before every decision and for every question.
func TestRollupAllocatesNothing(t *testing.T) {
	var r Rollups
	pids := append(sleepers(t, 3), os.Getpid(), 1<<30)
	before := descriptors(t)
	if n := testing.AllocsPerRun(200, func() { r.Sum(pids) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func BenchmarkRollup(b *testing.B) {
	var r Rollups
	for range b.N {
		r.Sum([]int{os.Getpid()})
	}
}
