package output

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// retry is how long a target that failed is left alone, and how long a file's
// path is trusted to lead to it.
const retry = time.Second

// Targets that are no files.
const (
	Journal = "journal" // systemd's, by its native protocol
	Syslog  = "syslog"  // the datagram socket of any syslog daemon
	Stdout  = "stdout"  // descriptor 1
)

// Target says where the output goes. Limit, Keep and Group concern files only.
type Target struct {
	To     string // Journal, Syslog, Stdout, the path of a file, or "": only the last words are kept
	Name   string // the backend's, by which journal and syslog know it; without newlines
	Limit  int64  // bytes in the file before it is renamed; 0 is no limit
	Keep   int    // files in all, the one that is written included: 2 is To and To.1
	Group  int    // of a file that is made; -1 leaves it
	Socket string // of journal or syslog; "" is where they listen
}

// A sink is where the output goes. None of its methods waits for long, or fails:
// what cannot be written is lost, and counted.
type sink interface {
	write(b []byte)
	flush()        // ends a line that has no end yet
	reopen()       // gives up what is open for what is there now; also opens it first
	close()        // reopen may follow
	losses() *loss // since the beginning
}

type loss struct {
	lost  uint64 // bytes
	cause error  // of the present failure, or nil
}

func (l *loss) losses() *loss { return l }

// newSink opens nothing.
func newSink(t Target) sink {
	switch t.To {
	case Journal:
		return newJournal(t)
	case Syslog:
		return newSyslog(t)
	case Stdout:
		return &stream{to: 1, fd: -1}
	}
	return &logFile{path: t.To, limit: t.Limit, keep: t.Keep, group: t.Group, fd: -1}
}

// Surroundings says where output belongs by the way in which this process was
// started: Journal where systemd connected stderr to it, Stdout for the first
// process of a container, and "" elsewhere.
func Surroundings() string { return surroundings(os.Getenv("JOURNAL_STREAM"), 2, os.Getpid()) }

// surroundings trusts JOURNAL_STREAM only where it names the descriptor's device
// and inode, systemd.exec(5): it is inherited also by who has another stderr.
func surroundings(stream string, stderr, pid int) string {
	var st unix.Stat_t
	switch {
	case stream != "" && unix.Fstat(stderr, &st) == nil && stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino):
		return Journal
	case pid == 1:
		return Stdout
	}
	return ""
}

// A stall bounds how long a reader that takes nothing holds up the copying: it
// is waited for once, and then not again for a while. One that is merely slow is
// waited for, so that a burst does not get lost.
type stall struct{ until time.Time }

// patience is what a reader has to take something.
const patience = 200 * time.Millisecond

// wait reports whether fd can be written to before patience ends.
func (s *stall) wait(fd int) bool {
	begin := time.Now()
	if begin.Before(s.until) {
		return false
	}
	for left := patience; left > 0; left = patience - time.Since(begin) {
		fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		n, err := unix.Poll(fds[:], int(left.Milliseconds())+1)
		if err == nil && n > 0 {
			return true // also an error's: the write tells it
		}
		if err != unix.EINTR {
			break
		}
	}
	s.until = time.Now().Add(retry)
	return false
}
