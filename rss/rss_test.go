package rss

import (
	"math/rand/v2"
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
	scale := NewScale(600, Limits{Soft: 1 << 40, Hard: 1 << 40, N: 3, M: 5})
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

// Over is compared with a slice that forgets nothing.
func TestHistoryOver(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		size, m, limit := 1+r.IntN(8), r.IntN(10), uint64(r.IntN(10))
		h, all := NewHistory(size), []uint64{}
		for range r.IntN(30) {
			if r.IntN(15) == 0 {
				h.Reset()
				all = nil
			}
			v := uint64(r.IntN(10))
			h.Add(v)
			all = append(all, v)
		}
		kept := all[max(0, len(all)-size):]
		want := 0
		for _, v := range kept[max(0, len(kept)-m):] {
			if v > limit {
				want++
			}
		}
		if got := h.Over(limit, m); got != want || h.Len() != len(kept) {
			t.Fatalf("size %d, m %d, limit %d, %v: %d over, want %d; %d kept, want %d", size, m, limit, all, got, want, h.Len(), len(kept))
		}
	}
}

func TestJudge(t *testing.T) {
	l := Limits{Soft: 10, Hard: 20, N: 2, M: 3, MinLife: time.Minute}
	for _, c := range []struct {
		samples    []uint64
		lived      time.Duration
		soft, hard bool
	}{
		{nil, time.Hour, false, false},
		{[]uint64{11, 11, 11}, time.Second, false, false}, // too young
		{[]uint64{25}, time.Second, false, false},
		{[]uint64{11}, time.Hour, false, false}, // one big request
		{[]uint64{11, 5, 11}, time.Hour, true, false},
		{[]uint64{11, 11, 5, 5, 5}, time.Hour, false, false}, // long ago
		{[]uint64{10, 10, 10}, time.Hour, false, false},      // not over
		{[]uint64{5, 5, 21}, time.Hour, false, true},
		{[]uint64{21, 5}, time.Hour, false, false}, // the hard limit looks at the latest
	} {
		h := NewHistory(10)
		for _, v := range c.samples {
			h.Add(v)
		}
		if soft, hard := l.Judge(h, c.lived); soft != c.soft || hard != c.hard {
			t.Errorf("%v after %s: soft %v, hard %v", c.samples, c.lived, soft, hard)
		}
	}
	h := NewHistory(10)
	h.Add(1 << 60)
	if soft, hard := (Limits{N: 1, M: 1}).Judge(h, time.Hour); soft || hard {
		t.Error("limits that are not set were passed")
	}
}
