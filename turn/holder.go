package turn

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

// jobsFrom is the descriptor from which on a job has its locks. `keepone exec`,
// which took the lock for it, has the same opening at a lower one.
const jobsFrom = 190

// commandLimit is how much of a command line is shown, in bytes.
const commandLimit = 80

// A Holder is the process that has the turn: a job, or whoever prepares one.
// The zero Holder is somebody that cannot be seen, another user's.
type Holder struct {
	PID     int
	Command string    // its command line, or the beginning of it
	Since   time.Time // when it was started

	start uint64 // clock ticks after boot: field 22 of proc_pid_stat(5)
	fd    int
}

// String names it for people, in the middle of a sentence.
func (h Holder) String() string {
	if h.PID == 0 {
		return "a process that cannot be seen from here"
	}
	return fmt.Sprintf("process %d (%s), which has been running for %s", h.PID, h.Command, span(time.Since(h.Since)))
}

func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}

func (h Holder) is(other Holder) bool { return h.PID == other.PID && h.start == other.start }

// lives says that the process has not ended. It may have let go of the lock.
func (h Holder) lives() bool {
	start, ok := started(h.PID)
	return h.PID != 0 && ok && start == h.start
}

// before says which of two holders of one lock is the job: who has it where
// jobs have it, and not a fork of that.
func (h Holder) before(other Holder) bool {
	if job := h.fd >= jobsFrom; other.PID == 0 || job != (other.fd >= jobsFrom) {
		return job || other.PID == 0
	}
	return h.start < other.start || h.start == other.start && h.PID < other.PID
}

// find looks through the descriptors of every process for the lock on f: a
// descriptor of the same file whose fdinfo has a "lock:" line, proc_pid_fdinfo(5).
// Who only waits has none.
func find(f *os.File) (found Holder) {
	file, err := f.Stat()
	if err != nil {
		return Holder{}
	}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		fd, ok := holds(pid, file)
		if !ok {
			continue
		}
		h := Holder{PID: pid, fd: fd}
		if h.start, ok = started(pid); ok && h.before(found) {
			found = h
		}
	}
	if found.PID != 0 {
		found.Command, found.Since = command(found.PID), at(found.start)
	}
	return found
}

func holds(pid int, file os.FileInfo) (fd int, ok bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	entries, _ := os.ReadDir(dir + "/fd")
	for _, e := range entries {
		st, err := os.Stat(dir + "/fd/" + e.Name())
		if err != nil || !os.SameFile(st, file) {
			continue
		}
		info, err := os.ReadFile(dir + "/fdinfo/" + e.Name())
		if err == nil && bytes.Contains(info, []byte("\nlock:")) {
			fd, err = strconv.Atoi(e.Name())
			return fd, err == nil
		}
	}
	return 0, false
}

// started is the start time of the process; no zombie has one.
func started(pid int) (ticks uint64, ok bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // from field 3 on, the state
	if err != nil || len(fields) < 20 || bytes.ContainsAny(fields[0], "ZX") {
		return 0, false
	}
	ticks, err = strconv.ParseUint(string(fields[19]), 10, 64)
	return ticks, err == nil
}

// at is when that was by the clock on the wall: USER_HZ is 100 on Linux.
func at(ticks uint64) time.Time {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return time.Now()
	}
	return time.Now().Add(time.Duration(ticks)*(time.Second/100) - time.Duration(now.Nano()))
}

// command is its command line, which anybody may choose, on one line.
func command(pid int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil || len(text) == 0 {
		return "?"
	}
	if text = bytes.ReplaceAll(bytes.TrimRight(text, "\x00"), []byte{0}, []byte{' '}); len(text) > commandLimit {
		text = append(text[:commandLimit], "..."...)
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(string(text), ""))
}
