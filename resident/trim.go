package resident

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const etExec = 2

// A trimmer drops the clean file pages of our own program: most are needed
// once, at the start.
type trimmer struct {
	ranges []span
	statm  int // of our own, kept open; -1 where it cannot be read
	text   [128]byte
	cycles [1]metrics.Sample // runtime.ReadMemStats would cost 400 KB for good
	seen   uint64            // collections when the heap was last given back
}

type span struct{ from, to uintptr }

// Trim gives memory back every interval, and at each nudge, until ctx is done.
// The heap is given back only after the runtime has collected by itself: the
// first collection costs more for good than a small heap has to give. After
// each time weight is told how many bytes are left that are no file's.
func Trim(ctx context.Context, interval time.Duration, nudge <-chan struct{}, weight func(anonymous uint64)) {
	t := newTrimmer()
	defer unix.Close(t.statm)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-nudge:
		}
		t.trim()
		weight(t.anonymous())
	}
}

func newTrimmer() *trimmer {
	t := &trimmer{ranges: clean(), statm: -1}
	if fd, err := unix.Open("/proc/self/statm", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
		t.statm = fd
	}
	split(t.ranges)
	t.cycles[0].Name = "/gc/cycles/automatic:gc-cycles"
	return t
}

// grain is the part of our program that the kernel maps at a time. Smaller ones
// save less than what describes them to the kernel costs.
const grain = 16 << 10

// split keeps the kernel from mapping 64 KiB around each page of our program
// that is needed, in which most is not: it never goes beyond what it sees as one
// mapping, and two neighbours are one unless their flags differ. This one means
// nothing here: a core dump has no use for what is in the file.
func split(ranges []span) {
	for _, r := range ranges {
		for at := r.from; at+grain < r.to; at += 2 * grain {
			unix.RawSyscall(unix.SYS_MADVISE, at, grain, unix.MADV_DONTDUMP)
		}
	}
}

func (t *trimmer) trim() {
	metrics.Read(t.cycles[:])
	if n := t.cycles[0].Value.Uint64(); n > t.seen {
		debug.FreeOSMemory() // a forced collection: it does not count as one
		t.seen = n
	}
	for _, r := range t.ranges {
		unix.RawSyscall(unix.SYS_MADVISE, r.from, r.to-r.from, unix.MADV_DONTNEED)
	}
}

// anonymous is resident less shared, the second and third number of
// proc_pid_statm(5), in bytes; 0 where it cannot be read.
func (t *trimmer) anonymous() uint64 {
	n, err := unix.Pread(t.statm, t.text[:], 0)
	if err != nil {
		return 0
	}
	var numbers [3]uint64
	field := 0
	for _, c := range t.text[:n] {
		if c == ' ' {
			field++
		}
		if field == len(numbers) {
			break
		}
		if c >= '0' && c <= '9' {
			numbers[field] = numbers[field]*10 + uint64(c-'0')
		}
	}
	return (numbers[1] - min(numbers[1], numbers[2])) * uint64(os.Getpagesize())
}

// clean lists the mappings of our own file that hold nothing but what the file
// holds: its code, and its read-only data unless the program is relocated at
// its start (PIE), where that data is written once.
func clean() (ranges []span) {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil
	}
	defer maps.Close()
	fixed := isExec()
	ours := []byte(" " + exe)
	for in := bufio.NewScanner(maps); in.Scan(); {
		if !bytes.HasSuffix(in.Bytes(), ours) { // most lines: they leave no garbage
			continue
		}
		f := strings.Fields(in.Text())
		if f[1] != "r-xp" && (f[1] != "r--p" || !fixed) {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		a, err1 := strconv.ParseUint(from, 16, 64)
		b, err2 := strconv.ParseUint(to, 16, 64)
		if err1 == nil && err2 == nil {
			ranges = append(ranges, span{uintptr(a), uintptr(b)})
		}
	}
	return ranges
}

// isExec says whether the program is linked to fixed addresses: e_type, the
// half-word at 16 of elf(5), is ET_EXEC.
func isExec() bool {
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		return false
	}
	defer f.Close()
	var head [18]byte
	_, err = f.ReadAt(head[:], 0)
	return err == nil && binary.NativeEndian.Uint16(head[16:]) == etExec
}
