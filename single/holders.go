package single

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"github.com/prometheus/procfs"
)

// A Holder is a process that holds a lock.
type Holder struct {
	PID     int
	User    string // name, or the number where it has none
	Command string // its command line
}

// String names the process for people.
func (h Holder) String() string {
	return fmt.Sprintf("process %d (%s, user %s)", h.PID, h.Command, h.User)
}

// Holders finds the processes that hold the lock on f: those with a descriptor
// of the same file whose fdinfo has a "lock:" line, proc(5). A descriptor
// inherited from the holder is the same opening, and so holds it too. Processes
// of other users are seen by root only.
func Holders(f *os.File) []Holder {
	st, err := f.Stat()
	if err != nil {
		return nil
	}
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil
	}
	procs, err := fs.AllProcs()
	if err != nil {
		return nil
	}
	var found []Holder
	for _, p := range procs {
		if p.PID != os.Getpid() && holds(p.PID, st) {
			found = append(found, describe(p))
		}
	}
	return found
}

// holds looks through the descriptors of one process.
func holds(pid int, file os.FileInfo) bool {
	dir := "/proc/" + strconv.Itoa(pid)
	entries, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return false
	}
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

func describe(p procfs.Proc) Holder {
	h := Holder{PID: p.PID, User: "?", Command: "?"}
	if argv, err := p.CmdLine(); err == nil && len(argv) > 0 {
		h.Command = printable(strings.Join(argv, " "))
	}
	if st, err := os.Stat("/proc/" + strconv.Itoa(p.PID)); err == nil {
		uid := strconv.Itoa(int(st.Sys().(*syscall.Stat_t).Uid))
		h.User = uid
		if u, err := user.LookupId(uid); err == nil {
			h.User = u.Username
		}
	}
	return h
}

// printable keeps a command line, which anybody may choose, from writing lines
// of its own into a log.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
