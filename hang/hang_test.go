package hang

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serve accepts one connection, then does what is in its place.
const serve = `
import fcntl, os, socket, sys, tempfile, threading, time
listening = socket.socket(fileno=0)
kept = [listening.accept()]
%s
`

// observe shows the backend to a Watch as often as n seconds would, and before
// each time lets something happen; it says how often it was hung.
func observe(t *testing.T, s *site, p *program, n int, event func(c *CPU)) (hung int) {
	t.Helper()
	w, c, now := New(10*time.Second), NewCPU(), begin
	defer c.Used(nil)
	for range n {
		now = now.Add(time.Second)
		event(c)
		used, err := c.Used([]int{p.pid()})
		must(t, err)
		q := s.busy()
		if w.Observe(now, q.pending, q.set, used) {
			hung++
		}
	}
	return hung
}

func nothing(*CPU) {}

// A request waits for a lock that nobody will release, a visitor for the
// request.
func TestHung(t *testing.T) {
	for name, how := range map[string]string{
		"lock":  "lock = threading.Lock(); lock.acquire(); lock.acquire()",
		"flock": "f = tempfile.NamedTemporaryFile(); g = open(f.name); fcntl.flock(f, 2); fcntl.flock(g, 2)",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			p := python(t, s.file, fmt.Sprintf(serve, how))
			s.visit()
			s.visit()
			s.has(1, 1)
			sleeps(t, p)
			if n := observe(t, s, p, 11, nothing); n != 1 {
				t.Errorf("hung %d times in 11 seconds", n)
			}
		})
	}
}

// sleeps waits until a process has used no CPU between two looks.
func sleeps(t *testing.T, p *program) {
	t.Helper()
	c := NewCPU()
	defer c.Used(nil)
	before := time.Duration(-1)
	eventually(t, "sleeping", func() bool {
		time.Sleep(20 * time.Millisecond) // two ticks
		now, err := c.Used([]int{p.pid()})
		must(t, err)
		same := now == before
		before = now
		return same && strings.Contains(Stacks([]int{p.pid()}), "state S")
	})
}

// A long report burns some CPU in every second.
func TestBurning(t *testing.T) {
	s := newSite(t)
	p := python(t, s.file, fmt.Sprintf(serve, "while True: pass"))
	s.visit()
	s.visit()
	s.has(1, 1)
	n := observe(t, s, p, 100, func(c *CPU) {
		before, err := c.Used([]int{p.pid()})
		must(t, err)
		eventually(t, "burning", func() bool {
			now, err := c.Used([]int{p.pid()})
			must(t, err)
			return now-before >= 2*tick // of the ten that are life, in ten seconds
		})
	})
	if n != 0 {
		t.Errorf("hung %d times", n)
	}
}

// One request hangs, others are served by another thread, one of them always
// waits.
func TestOthersServed(t *testing.T) {
	s := newSite(t)
	p := python(t, s.file, fmt.Sprintf(serve, `
while os.read(3, 1):
    listening.accept()[0].close()
    kept.append(listening.accept())
    kept.pop(1) if len(kept) > 2 else None
    print(flush=True)
`))
	s.visit()
	s.visit()
	s.has(1, 1)
	n := observe(t, s, p, 40, func(*CPU) {
		s.visit()
		s.visit() // three wait
		p.tell()
		p.line() // two were accepted
	})
	if q := s.busy(); n != 0 || q.pending != 1 || q.accepted != 2 {
		t.Errorf("hung %d times; %+v", n, q)
	}
}

// A long query sleeps, but nobody waits.
func TestNobodyWaits(t *testing.T) {
	s := newSite(t)
	p := python(t, s.file, fmt.Sprintf(serve, "time.sleep(10**6)"))
	s.visit()
	s.has(0, 1)
	sleeps(t, p)
	if n := observe(t, s, p, 40, nothing); n != 0 {
		t.Errorf("hung %d times", n)
	}
	s.visit()
	s.has(1, 1)
	if n := observe(t, s, p, 11, nothing); n != 1 {
		t.Errorf("hung %d times once somebody waits", n)
	}
}

// A backend that was stopped hangs, and the log tells why.
func TestStopped(t *testing.T) {
	s := newSite(t)
	p := python(t, s.file, fmt.Sprintf(serve, "while True: kept.append(listening.accept())"))
	s.visit()
	s.has(0, 1)
	p.signal(syscall.SIGSTOP)
	stopped := func() bool { return strings.Contains(Stacks([]int{p.pid()}), "state T (stopped by a signal)") }
	eventually(t, "stopped", stopped)
	s.visit()
	s.has(1, 1)
	if n := observe(t, s, p, 11, nothing); n != 1 {
		t.Errorf("hung %d times in 11 seconds", n)
	}
	p.signal(syscall.SIGCONT)
	s.has(0, 2)
	if n := observe(t, s, p, 40, nothing); n != 0 || stopped() {
		t.Errorf("hung %d times after it went on", n)
	}
}

// No stack pointer, no program counter.
var sixArguments = regexp.MustCompile(`, syscall \d+( 0x[0-9a-f]+){6}[,\n]`)

// The lines of the threads that wait for one lock say so.
func TestStacks(t *testing.T) {
	p := python(t, nil, `
import fcntl, os, threading, tempfile
f = tempfile.NamedTemporaryFile(); fcntl.flock(f, 2)
def wait():
    open("/proc/thread-self/comm", "w").write("a\nb\x1b) ' (\"")
    g = open(f.name); fcntl.flock(g, 2)
for _ in range(2): threading.Thread(target=wait).start()
print(flush=True); os.read(3, 1)
`)
	p.line()
	if _, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", p.pid())); err != nil {
		t.Skipf("the kernel does not say what a child does: %v", err)
	}
	var lines []string
	eventually(t, "waiting in flock", func() bool {
		text := Stacks([]int{p.pid()})
		lines = strings.SplitAfter(text, "\n")
		return strings.Count(text, fmt.Sprintf(", syscall %d 0x", syscall.SYS_FLOCK)) == 2 && strings.Count(text, "state S") == 3
	})
	if len(lines) != 4 || lines[3] != "" {
		t.Fatalf("%q", lines)
	}
	first := fmt.Sprintf("process %d thread %d \"python3", p.pid(), p.pid())
	if !strings.HasPrefix(lines[0], first) || !strings.Contains(lines[0], "state S (sleeping)") {
		t.Errorf("%q, want %q", lines[0], first)
	}
	if !slices.IsSorted(lines[1:3]) || lines[1] == lines[2] {
		t.Errorf("%q", lines)
	}
	for _, line := range lines[1:3] {
		if !strings.Contains(line, ` "a\nb\x1b) ' (\"": state S (sleeping)`) || !sixArguments.MatchString(line) {
			t.Errorf("%q", line)
		}
		saysWhere(t, line, p.pid())
	}
}

// What the kernel tells of a thread in a lock, the line tells: not every
// kernel finds a wchan, and stacks are for root.
func saysWhere(t *testing.T, line string, pid int) {
	t.Helper()
	tid := 0
	if _, err := fmt.Sscanf(line, fmt.Sprintf("process %d thread %%d", pid), &tid); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if wchan, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/wchan", pid, tid)); err == nil && len(wchan) > 0 && string(wchan) != "0" {
		if want := ", wchan " + string(wchan); !strings.Contains(line, want) {
			t.Errorf("no %q: %q", want, line)
		}
	}
	if _, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/stack", pid, tid)); err == nil && (!strings.Contains(line, ", stack ") || !strings.Contains(line, " < ")) {
		t.Errorf("no stack: %q", line)
	}
}

func TestStacksAreBounded(t *testing.T) {
	p := python(t, nil, `
import os, threading
e = threading.Event()
for _ in range(49): threading.Thread(target=e.wait, daemon=True).start()
print(flush=True); os.read(3, 1)
`)
	p.line()
	for _, c := range []struct{ most, size, atLeast int }{{mostThreads, mostText, 8}, {5, mostText, 5}, {1000, 2000, 1}} {
		text := stacks([]int{1 << 22, p.pid(), p.pid()}, c.most, c.size)
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		shown, more := len(lines)-1, 0
		if n, err := fmt.Sscanf(lines[shown], "and %d more threads", &more); n != 1 || err != nil || shown+more != 100 {
			t.Errorf("%+v: %d shown, the last line is %q", c, shown, lines[shown])
		}
		if len(text) > c.size || shown > c.most || shown < c.atLeast {
			t.Errorf("%+v: %d bytes, %d threads", c, len(text), shown)
		}
	}
	if Stacks(nil) != "" || Stacks([]int{1 << 22, -1, 0}) != "" {
		t.Error("nobody has stacks")
	}
}
