package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo terminal with a program on it.
type terminal struct {
	master, slave *os.File
	cmd           *exec.Cmd
	shown         chan []byte // what is written to it, in pieces; closed at its end
	all           []byte      // of that, what was read
}

// newTerminal runs keepone with arguments on a terminal of that many columns and lines.
func (s *site) newTerminal(columns, lines uint16, args ...string) *terminal {
	s.t.Helper()
	return s.onTerminal(columns, lines, append(append([]string{keepone}, args...), "-c", s.config, "--run-dir", s.run)...)
}

// onTerminal runs a program in a session of its own, on a terminal of that many columns and lines; see pty(7).
func (s *site) onTerminal(columns, lines uint16, argv ...string) *terminal {
	s.t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		s.t.Skipf("no pseudo terminal can be had: %v", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	s.must(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	s.must(err, unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: lines, Col: columns}))
	term := &terminal{master: os.NewFile(uintptr(fd), "/dev/ptmx"), slave: slave, shown: make(chan []byte)}
	term.cmd = exec.Command(argv[0], argv[1:]...)
	term.cmd.Env = append(s.environ(), "TERM=xterm", "LANG=C.UTF-8")
	term.cmd.Stdin, term.cmd.Stdout, term.cmd.Stderr = slave, slave, slave
	term.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	s.must(term.cmd.Start())
	s.groups = append(s.groups, term.cmd.Process.Pid)
	master := term.master
	go func() {
		defer close(term.shown)
		for {
			piece := make([]byte, 4096)
			n, err := master.Read(piece)
			if err != nil {
				return
			}
			term.shown <- piece[:n]
		}
	}()
	s.t.Cleanup(func() {
		_ = term.cmd.Process.Kill() // it has ended, in a test that passes
		term.hangUp(s.t)
		s.must(slave.Close())
		for range term.shown { // the reader ends with the master
		}
	})
	return term
}

// until reads what is shown until it is as wanted.
func (term *terminal) until(t *testing.T, what string, ok func(shown string) bool) {
	t.Helper()
	late := time.After(30 * time.Second)
	for !ok(string(term.all)) {
		select {
		case piece := <-term.shown:
			term.all = append(term.all, piece...)
		case <-late:
			t.Fatalf("waited in vain until %s; shown: %q", what, term.all)
		}
	}
}

// hangUp closes the terminal, as the end of an ssh(1) does.
func (term *terminal) hangUp(t *testing.T) {
	t.Helper()
	if term.master == nil {
		return
	}
	if err := term.master.Close(); err != nil {
		t.Error(err)
	}
	term.master = nil
}

// types presses keys.
func (term *terminal) types(t *testing.T, keys string) {
	t.Helper()
	if _, err := term.master.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// wait waits until the program has ended, and reads what is shown meanwhile.
func (term *terminal) wait(t *testing.T) syscall.WaitStatus {
	t.Helper()
	ended := make(chan struct{})
	go func() { _ = term.cmd.Wait(); close(ended) }() // how it ended is read from ProcessState
	late, shown := time.After(30*time.Second), term.shown
	for {
		select {
		case piece, more := <-shown:
			if term.all = append(term.all, piece...); !more {
				shown = nil
			}
		case <-ended:
			return term.cmd.ProcessState.Sys().(syscall.WaitStatus)
		case <-late:
			t.Fatalf("waited in vain until %q ends; shown: %q", term.cmd.Args, term.all)
		}
	}
}
