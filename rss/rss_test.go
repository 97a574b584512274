package rss

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// procfs is the oracle: it reads the same through other code. Both are asked
// about a process that sleeps, since ours changes while it is asked.
func TestSumAgreesWithProcfs(t *testing.T) {
	s := NewSampler()
	var pids []int
	var want uint64
	for range 3 {
		c := exec.Command("sleep", "600")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Process.Kill(); c.Wait() })
		pids = append(pids, c.Process.Pid)
	}
	for range 1000 { // until the programs have settled
		before := s.Sum(pids)
		want = 0
		for _, pid := range pids {
			p, err := procfs.NewProc(pid)
			if err != nil {
				t.Fatal(err)
			}
			st, err := p.NewStatus() // not Stat: its figure is an approximation since Linux 6.2
			if err != nil {
				t.Fatal(err)
			}
			want += st.VmRSS
		}
		if before == want && want > 0 && s.Sum(pids) == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d bytes, procfs says %d", s.Sum(pids), want)
}

func TestSumOfTheGoneIsNothing(t *testing.T) {
	s := NewSampler()
	c := exec.Command("sleep", "600")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	pid := c.Process.Pid
	if s.Sum([]int{pid}) == 0 {
		t.Error("a live process weighs nothing")
	}
	c.Process.Kill()
	c.Wait()
	if n := s.Sum([]int{pid, -1, 1 << 22}); n != 0 {
		t.Errorf("the gone weigh %d bytes", n)
	}
	if len(s.files) > 3 {
		t.Errorf("%d files are kept", len(s.files))
	}
	s.Sum(nil)
	if len(s.files) != 0 {
		t.Errorf("%d files are kept for nobody", len(s.files))
	}
}

// The steady loop samples every second, for ever: 100,000 samples are 28 hours.
func TestSampleAllocatesNothing(t *testing.T) {
	scale := NewScale(Limits{Soft: 1 << 40, Hard: 1 << 40, N: 3, M: 5})
	pids, lived := []int{os.Getpid(), 1}, time.Duration(0)
	scale.Weigh(pids, 0)
	if n := testing.AllocsPerRun(1000, func() { lived += time.Second; scale.Weigh(pids, lived) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSelf(t *testing.T) {
	files := func() int {
		e, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(e)
	}
	before := files()
	for range 10 {
		if Self() < 1<<20 {
			t.Fatal("a Go program has more than a megabyte resident")
		}
	}
	if after := files(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
