package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"keepone/output"
)

// log never blocks: whoever does not read our stderr must not hold up the loop.
func (s *site) log(format string, args ...any) {
	line := "keepone: " + s.name + ": " + fmt.Sprintf(format, args...) + "\n"
	select {
	case s.lines <- line:
	default: // nobody reads: the line is lost
	}
}

// write copies the lines of the log to stderr until an empty one. Where nobody
// reads that, under an init that is no supervisor, they go to syslog.
func (s *site) write(written chan<- struct{}) {
	defer close(written)
	syslog := output.NewLog("keepone")
	for line := range s.lines {
		if line == "" {
			return
		}
		if unread(2) {
			syslog.Say(forSyslog(line))
		} else {
			os.Stderr.WriteString(line)
		}
	}
}

// told lets syslog have the error that ends the resident, where nobody reads
// stderr, and returns it.
func told(err error) error {
	if err != nil && err.Error() != "" && unread(2) {
		output.NewLog("keepone").Say("<3>" + err.Error())
	}
	return err
}

// forSyslog is a line without what syslog has anyway, and with its level.
func forSyslog(line string) string {
	line = strings.TrimPrefix(line, "keepone: ")
	if strings.Contains(line, ": warning: ") {
		return "<4>" + line
	}
	return line
}

// unread says that what is written to fd goes nowhere: to /dev/null, or to a file
// that was removed.
func unread(fd int) bool {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return true
	}
	null := unix.Mkdev(1, 3) // Linux, Documentation/admin-guide/devices.txt
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == null || st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink == 0
}

// flush waits for the last lines, but not for a reader who is gone.
func (s *site) flush(written <-chan struct{}) {
	late := time.After(time.Second)
	select {
	case s.lines <- "":
	case <-late:
		return
	}
	select {
	case <-written:
	case <-late:
	}
}

// drainLog waits until the lines so far are written, unless nobody reads them.
func (s *site) drainLog(atMost time.Duration) {
	for end := time.Now().Add(atMost); len(s.lines) > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// trim lets memory be given back: after the start, a restart, many questions.
func (s *site) trim() {
	select {
	case s.nudge <- struct{}{}:
	default: // it is about to be
	}
}

// notify tells systemd, where it listens, and waits until it can: that is not
// for the loop. Elsewhere it does nothing.
func notify(state string) { daemon.SdNotify(false, state) }
