package main

import (
	"fmt"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// log never blocks: whoever does not read our stderr must not hold up the loop.
func (s *site) log(format string, args ...any) {
	line := "keepone: " + s.name + ": " + fmt.Sprintf(format, args...) + "\n"
	select {
	case s.lines <- line:
	default: // nobody reads: the line is lost
	}
}

// write copies the lines of the log to stderr until an empty one.
func (s *site) write(written chan<- struct{}) {
	defer close(written)
	for line := range s.lines {
		if line == "" {
			return
		}
		os.Stderr.WriteString(line)
	}
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

// notify tells systemd, where it listens; elsewhere it does nothing.
func notify(state string) { daemon.SdNotify(false, state) }
