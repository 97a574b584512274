package rss

import (
	"bufio"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const sharedBytes = 64 * mib

// playSharing has the memory behind descriptor 3 in its own, until the test ends.
func playSharing() {
	mem, err := unix.Mmap(3, 0, sharedBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(mem); i += 4096 {
		mem[i]++
	}
	os.Stdout.WriteString("ready\n")
	os.Stdin.Read(make([]byte, 1))
	os.Exit(0)
}

// sharers are three processes that share most of what they have.
func sharers(t *testing.T) (pids []int) {
	fd, err := unix.MemfdCreate("shared", 0)
	if err != nil {
		t.Fatal(err)
	}
	memory := os.NewFile(uintptr(fd), "shared")
	defer memory.Close()
	if err := memory.Truncate(sharedBytes); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c := exec.Command("/proc/self/exe")
		c.Env, c.ExtraFiles, c.Stderr = append(os.Environ(), "RSS_TEST_ROLE=sharing"), []*os.File{memory}, os.Stderr
		end, err := c.StdinPipe()
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
		t.Cleanup(func() { end.Close(); c.Wait() })
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		pids = append(pids, c.Process.Pid)
	}
	return pids
}

// What several processes share counts once before anything is done about it.
func TestSharedMemoryCountsOnce(t *testing.T) {
	pids := sharers(t)
	for _, c := range []struct {
		hard uint64
		over bool
	}{{2 * sharedBytes, false}, {sharedBytes / 2, true}} {
		s := NewScale(Limits{Hard: c.hard, N: 3, M: 5, Every: time.Second})
		for i := range 40 {
			w := s.Weigh(pids, time.Duration(i)*time.Second)
			if w.RSS < 3*sharedBytes || w.Hard != c.over {
				t.Fatalf("sample %d, limit %d: %+v", i, c.hard, w)
			}
		}
	}
	s := NewScale(Limits{Hard: 2 * sharedBytes, N: 3, M: 5, Every: time.Second})
	if w := s.Weigh(pids[:1], 0); w.Hard || s.refresh != 0 {
		t.Errorf("one process was asked what it shares: %+v", w)
	}
	if n := testing.AllocsPerRun(100, func() { s.refresh = 0; s.Weigh(pids, time.Hour) }); n != 0 {
		t.Errorf("%v allocations for each sample that asks", n)
	}
}
