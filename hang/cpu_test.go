package hang

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// oracle is what procfs says of a process and the children it waited for.
func oracle(t *testing.T, pid int) (own, waited time.Duration) {
	t.Helper()
	p, err := procfs.NewProc(pid)
	must(t, err)
	s, err := p.Stat()
	must(t, err)
	return time.Duration(s.UTime+s.STime) * tick, time.Duration(s.CUTime+s.CSTime) * tick
}

func used(t *testing.T, c *CPU, pids ...int) time.Duration {
	t.Helper()
	n, err := c.Used(pids)
	must(t, err)
	return n
}

// burn is Python for using some ticks.
const burn = `
import os, time
def burn(s):
    end = time.process_time() + s
    while time.process_time() < end: pass
def say(): print(os.getpid(), flush=True)
def wait(): os.read(3, 1)
open("/proc/self/comm", "w").write("x) 9 (y) S 1 2")
`

// A process counts as procfs says, whatever its name.
func TestUsedAgreesWithProcfs(t *testing.T) {
	p := python(t, nil, burn+"burn(.1)\nsay()\nwait()\nif os.fork() == 0: burn(.1); os._exit(0)\nos.wait()\nsay()\nwait()")
	c := NewCPU()
	defer c.Used(nil)
	agree := func(floor time.Duration) {
		t.Helper()
		eventually(t, "agreeing with procfs", func() bool {
			before := used(t, c, p.pid())
			own, waited := oracle(t, p.pid())
			return before == own+waited && before >= floor && used(t, c, p.pid(), p.pid()) == before
		})
	}
	p.line()
	agree(9 * tick)
	p.tell()
	p.line()
	agree(18 * tick) // with the child that was never seen
	_, waited := oracle(t, p.pid())
	if waited < 9*tick {
		t.Errorf("the child used %s", waited)
	}
}

// A child that was asked for, too, and what it waited for itself, count once.
func TestChildCountsOnce(t *testing.T) {
	p := python(t, nil, burn+`
child = os.fork()
if child == 0:
    if os.fork() == 0: burn(.1); os._exit(0)
    os.wait(); burn(.1); print(os.getpid(), flush=True); time.sleep(10**6)
wait(); os.waitpid(child, 0); say(); wait()
`)
	child := pidOf(t, p.line())
	c := NewCPU()
	defer c.Used(nil)
	before := used(t, c, p.pid(), child)
	if before < 18*tick {
		t.Errorf("before: %s", before)
	}
	must(t, syscall.Kill(child, syscall.SIGKILL))
	p.tell()
	p.line()
	after := used(t, c, p.pid())
	own, waited := oracle(t, p.pid())
	if after < before || after > own+waited+2*tick {
		t.Errorf("%s, then %s; procfs says %s and %s", before, after, own, waited)
	}
}

// The sum does not fall with the end of a process that nobody tells of, and a
// number given to another process is that one's.
func TestUsedNeverFalls(t *testing.T) {
	p := python(t, nil, burn+"burn(.1)\nsay()\nwait()")
	q := python(t, nil, burn+"burn(.1)\nsay()\nwait()\nburn(.2)\nsay()\nwait()")
	p.line()
	q.line()
	c := NewCPU()
	before := used(t, c, p.pid(), q.pid())
	own, _ := oracle(t, q.pid())
	p.signal(syscall.SIGKILL)
	p.Wait()
	q.tell()
	q.line()
	after := used(t, c, p.pid(), q.pid(), -1, 1<<22)
	now, _ := oracle(t, q.pid())
	if after < before+now-own-tick {
		t.Errorf("%s, then %s, though another used %s meanwhile", before, after, now-own)
	}
	if len(c.stats) != 1 {
		t.Errorf("%d files are kept", len(c.stats))
	}
	kept := c.stats[0].fd
	c.stats[0].pid = p.pid() // as if the other's number were this one's
	q.signal(syscall.SIGKILL)
	q.Wait()
	if last := used(t, c, p.pid()); last < after || len(c.stats) != 0 || syscall.Fstat(kept, new(syscall.Stat_t)) == nil {
		t.Errorf("%s, then %s; %d files are kept", after, last, len(c.stats))
	}
}

// Without descriptors it must not look as if nothing burned.
func TestUsedFails(t *testing.T) {
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	none := limit
	none.Cur = 0
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
	c := NewCPU()
	_, err := c.Used([]int{os.Getpid()})
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	if err == nil || !strings.HasPrefix(err.Error(), "cannot read the CPU time of process ") {
		t.Errorf("error %v", err)
	}
	used(t, c, os.Getpid())
	if used(t, c); len(c.stats) != 0 {
		t.Errorf("%d files are kept for nobody", len(c.stats))
	}
}

func TestParse(t *testing.T) {
	const rest = "1 2 3 4 -1 6 7 8 9 10 100 20 3000 400 0 0\n"
	for text, want := range map[string]times{
		"7 (a) S " + rest:                  {120, 3400},
		"7 (a) S 9) ((b) R " + rest:        {120, 3400},
		"7 (a\n9 (b) S 1) R " + rest:       {120, 3400},
		"7 (a) S 1 2 3 4 -1 6 7 8 9 10 10": {},
		"7 a S":                            {},
		"":                                 {},
	} {
		if got, ok := parse([]byte(text)); got != want || ok != (want != times{}) {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
}

func TestUsedAllocatesNothing(t *testing.T) {
	pids, c := []int{os.Getpid(), 1}, NewCPU()
	defer c.Used(nil)
	c.Used(pids)
	if n := testing.AllocsPerRun(1000, func() { c.Used(pids) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
