package turn

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode"
)

// A Holder is a process that has the turn.
type Holder struct {
	PID     int    // 0 where it is not ours to see
	Command string // its command line, printable
}

// String names the process for people.
func (h Holder) String() string {
	if h.PID == 0 {
		return "another job, which cannot be seen from here"
	}
	return fmt.Sprintf("process %d (%s)", h.PID, h.Command)
}

// find looks for who holds the lock on f: a descriptor of the same file whose
// fdinfo has a "lock:" line, proc(5). last is asked first.
func find(f *os.File, last Holder) Holder {
	st, err := f.Stat()
	if err != nil || last.PID != 0 && holds(last.PID, st) {
		return last
	}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != os.Getpid() && holds(pid, st) {
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			return Holder{pid, printable(strings.TrimSpace(strings.ReplaceAll(string(text), "\x00", " ")))}
		}
	}
	return Holder{}
}

func holds(pid int, file os.FileInfo) bool {
	dir := fmt.Sprintf("/proc/%d", pid)
	entries, _ := os.ReadDir(dir + "/fd")
	for _, e := range entries {
		st, err := os.Stat(dir + "/fd/" + e.Name())
		if err != nil || !os.SameFile(st, file) {
			continue
		}
		info, err := os.ReadFile(dir + "/fdinfo/" + e.Name())
		if err == nil && strings.Contains(string(info), "\nlock:") {
			return true
		}
	}
	return false
}

// printable keeps a command line, which anybody may choose, from writing lines
// of its own.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
