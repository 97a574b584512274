package rss

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// TestMain lets the test binary play other processes.
func TestMain(m *testing.M) {
	switch os.Getenv("RSS_TEST_ROLE") {
	case "swapped":
		playSwapped()
	case "sharing":
		playSharing()
	}
	os.Exit(m.Run())
}

const (
	swapFile = 64 << 20
	swapOut  = 8 << 20
)

// playSwapped has memory that no zeros and no compression make small swapped
// out, says how that went, and holds it until the end of its standard input.
func playSwapped() {
	memory, err := unix.Mmap(-1, 0, swapOut, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err == nil {
		noise := rand.NewChaCha8([32]byte{})
		noise.Read(memory)
		err = unix.Madvise(memory, unix.MADV_PAGEOUT)
	}
	if err != nil {
		os.Exit(1)
	}
	os.Stdout.WriteString("\n")
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// swapped starts processes that are swapped out in part.
func swapped(t *testing.T, n int) (pids []int, end func()) {
	t.Helper()
	var all []func()
	for range n {
		c := exec.Command("/proc/self/exe")
		c.Env = append(os.Environ(), "RSS_TEST_ROLE=swapped")
		in, errIn := c.StdinPipe()
		out, errOut := c.StdoutPipe()
		if err := errors.Join(errIn, errOut, c.Start()); err != nil {
			t.Fatal(err)
		}
		all = append(all, func() { in.Close(); c.Wait() })
		t.Cleanup(all[len(all)-1])
		if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		pids = append(pids, c.Process.Pid)
	}
	return pids, func() {
		for _, end := range all {
			end()
		}
	}
}

// needSwap skips where there is no swap. Some is added only when that is asked
// for: it concerns everybody on the machine.
func needSwap(t *testing.T) {
	t.Helper()
	var host unix.Sysinfo_t
	if err := unix.Sysinfo(&host); err != nil {
		t.Fatal(err)
	}
	if host.Freeswap*uint64(host.Unit) > swapFile {
		return
	}
	if os.Getenv("KEEPONE_TEST_SWAP") == "" || os.Getuid() != 0 {
		t.Skip("there is no swap; as root, KEEPONE_TEST_SWAP=1 adds a file of 64 MiB while this test runs")
	}
	file := filepath.Join(t.TempDir(), "swap")
	command := func(args ...string) {
		if text, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", args, err, text)
		}
	}
	command("fallocate", "-l", "64MiB", file)
	command("chmod", "0600", file)
	command("mkswap", file)
	command("swapon", file)
	t.Cleanup(func() { command("swapoff", file) })
}

// swapOf is what procfs says.
func swapOf(t *testing.T, pids []int) (bytes uint64) {
	t.Helper()
	for _, pid := range pids {
		p, err := procfs.NewProc(pid)
		if err != nil {
			t.Fatal(err)
		}
		st, err := p.NewStatus()
		if err != nil {
			t.Fatal(err)
		}
		bytes += st.VmSwap
	}
	return bytes
}

// With real swap, both readers agree with procfs, and what is gone is gone.
func TestSwap(t *testing.T) {
	needSwap(t)
	pids, end := swapped(t, 2)
	s, r, agreed := new(Swapped), new(Rollups), false
	for range 10_000 { // the kernel may swap in and out meanwhile
		before, rolled := swapOf(t, pids), rollupOf(t, pids)
		got := s.Sum(pids)
		sum, err := r.Sum(pids)
		if err != nil {
			t.Fatal(err)
		}
		if swapOf(t, pids) != before || rollupOf(t, pids) != rolled {
			continue
		}
		if got != before || got < swapOut || sum != rolled || sum.SwapFull < swapOut || sum.Swap > sum.SwapFull {
			t.Fatalf("%d and %+v; procfs says %d and %+v", got, sum, before, rolled)
		}
		agreed = true
		break
	}
	if !agreed {
		t.Error("the processes never stand still")
	}
	if n := testing.AllocsPerRun(200, func() { s.Sum(pids) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	for range 2 {
		if s.Sum(pids); len(s.files) != 2 {
			t.Errorf("%d files are kept for 2 processes", len(s.files))
		}
	}
	end()
	if got := s.Sum(append(pids, -1, 1<<30)); got != 0 || len(s.files) != 0 {
		t.Errorf("the gone: %d bytes, %d files", got, len(s.files))
	}
}

// reading makes a sample that opens the files whether there is swap or not, and
// returns the sum.
func (s *Swapped) reading(pids []int) (bytes uint64) {
	for _, pid := range pids {
		bytes += s.one(pid, "status", s)
	}
	return bytes
}

// Where nothing is in swap nothing is opened, and what was is closed. The files
// that are kept stand for their processes: the number of a dead one may be
// another's.
func TestSwappedKeepsFiles(t *testing.T) {
	var s Swapped
	pids := sleepers(t, 2)
	open := descriptors(t)
	if got := s.reading(pids); got != swapOf(t, pids) || len(s.files) != 2 {
		t.Errorf("%d bytes, %d files", got, len(s.files))
	}
	before := slices.Clone(s.files)
	if n := testing.AllocsPerRun(200, func() { s.reading(pids) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if !slices.Equal(s.files, before) {
		t.Errorf("%v became %v", before, s.files)
	}
	dead := exec.Command("true")
	if err := dead.Start(); err != nil {
		t.Fatal(err)
	}
	exited(t, dead.Process.Pid)
	if s.reading([]int{dead.Process.Pid}) != 0 || len(s.files) != 3 { // a zombie is somebody
		t.Errorf("%d files with a zombie", len(s.files))
	}
	if err := dead.Wait(); err != nil {
		t.Fatal(err)
	}
	s.files[0].pid, s.files[2].pid = -1, pids[0] // as if its number had been given to that one
	if s.reading(pids[:1]); len(s.files) != 4 || s.files[2].pid != 0 || !s.files[3].seen || s.files[3].pid != pids[0] {
		t.Errorf("files %+v", s.files)
	}
	nobody := pids
	if s.inUse() {
		nobody = nil
	}
	if s.Sum(nobody); len(s.files) != 0 || descriptors(t) != open {
		t.Errorf("%d files are kept for nobody; %d descriptors before, %d after", len(s.files), open, descriptors(t))
	}
}

func TestSwappedAllocatesNothing(t *testing.T) {
	var s Swapped
	pids := []int{os.Getpid(), 1}
	if n := testing.AllocsPerRun(500, func() { s.Sum(pids) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The line is found wherever the buffer ends, and only where it is a line.
func TestSwapText(t *testing.T) {
	for name, want := range map[string]uint64{"\nVmSwap:\t    1234 kB\nThreads:\t9\n": 1234 << 10, "xVmSwap: 7 kB\n": 0, "\nVm\nVmSwap: 5 kB\n": 5 << 10, "": 0} {
		for before := range 60 {
			var s Swapped
			file := filepath.Join(t.TempDir(), "status")
			text := append(make([]byte, len(s.text)-before), name...)
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := s.read(int(f.Fd())); got != want || !ok {
				t.Fatalf("%q behind %d bytes: %d, %v", name, before, got, ok)
			}
			f.Close()
		}
	}
}

func BenchmarkSwapped(b *testing.B) {
	var s Swapped
	for name, sum := range map[string]func([]int) uint64{"as it is": s.Sum, "one process": s.reading} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				sum([]int{os.Getpid()})
			}
		})
	}
}
