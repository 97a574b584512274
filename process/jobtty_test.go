package process

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Ctrl-C reaches the job once: what it does then is not interrupted.
func TestJobCtrlC(t *testing.T) {
	b := newBench(t, "")
	o := b.job("trap 'echo caught' INT; echo up; until [ -e on ]; do :; done; exit 3")
	tty, exit := b.terminal(o.argv())
	b.await("up")
	tty.types("\x03")
	b.await("note: SIGINT")
	b.await("caught")
	if err := os.WriteFile(filepath.Join(b.dir, "on"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	out := b.outcome(o)
	<-exit
	if n := strings.Count(b.said(), "caught"); out.Status != 3 || n != 1 || !out.Asked {
		t.Errorf("%+v, caught %d times", out, n)
	}
}

// Who ignores Ctrl-C is killed when the timeout is over, and so are its children.
func TestJobIgnoresCtrlC(t *testing.T) {
	b := newBench(t, "")
	o := b.job("trap '' INT TERM; sleep 600 & setsid sleep 600 & echo up; wait")
	o.StopTimeout = 200 * time.Millisecond
	tty, exit := b.terminal(o.argv())
	b.await("up")
	tty.types("\x03")
	out := b.outcome(o)
	<-exit
	if out.Status != 137 || !out.Asked {
		t.Errorf("%+v", out)
	}
}

// A second Ctrl-C waits for nothing.
func TestJobSecondCtrlC(t *testing.T) {
	b := newBench(t, "")
	o := b.job("trap 'echo caught' INT; echo up; while :; do :; done")
	tty, exit := b.terminal(o.argv())
	b.await("up")
	tty.types("\x03")
	b.await("caught")
	time.Sleep(2 * sameSignal) // one that comes sooner is the same
	tty.types("\x03")
	out := b.outcome(o)
	<-exit
	if out.Status != 137 {
		t.Errorf("%+v", out)
	}
}

// A SIGINT that did not come from the keyboard looks as if it did: whoever was
// not told is, before it is killed.
func TestJobIsToldInTheEnd(t *testing.T) {
	b := newBench(t, "")
	o := b.job("trap 'exit 5' INT; echo up; while :; do :; done")
	o.StopTimeout = 200 * time.Millisecond
	_, exit := b.terminal(o.argv())
	b.await("up")
	syscall.Kill(b.number("exec"), unix.SIGINT)
	out := b.outcome(o)
	<-exit
	if out.Status != 5 {
		t.Errorf("%+v", out)
	}
}

// A closed terminal ends the job, whoever is between: nobody, a shell that passes
// the signal on, a script that does not.
func TestJobHangUp(t *testing.T) {
	for _, between := range []string{"", "shell", "script"} {
		b := newBench(t, "")
		o := b.job("trap 'exit 7' HUP; echo up; while :; do :; done")
		var tty *terminal
		var exit <-chan syscall.WaitStatus
		switch between {
		case "shell":
			tty, exit = b.shell(o)
			tty.types(run + "\n")
		case "script":
			tty, exit = b.terminal([]string{"/bin/sh", "-c", "trap : HUP; " + run + "; :"}, b.order(o)...)
		default:
			tty, exit = b.terminal(o.argv())
		}
		b.await("up\r\n")
		tty.hangUp()
		out := b.outcome(o)
		<-exit
		if out.Status != 7 { // told by the shell, it may be gone before our signal is seen
			t.Errorf("between: %q: %+v", between, out)
		}
	}
}

// Ctrl-Z gives the terminal back to the shell, and fg the job to it.
func TestJobCtrlZ(t *testing.T) {
	b := newBench(t, "")
	o := b.job("echo up; until read x; do :; done; echo read $x; exit 3")
	tty, exit := b.shell(o)
	tty.types(run + "\n")
	b.await("up\r\n")
	tty.prompted("ready$ ", "\x1a")
	b.await("Stopped")
	tty.types("fg; echo status $?\n")
	b.await("status $?\r\n")
	tty.types("on\n")
	b.await("read on\r\n")
	b.await("status 3\r\n")
	tty.types("exit\n")
	if out := b.outcome(o); out.Status != 3 || out.Asked {
		t.Errorf("%+v", out)
	}
	<-exit
}

// A job that is stopped, and this program with it, runs on towards its end.
func TestJobStoppedIsLate(t *testing.T) {
	b := newBench(t, "")
	o := b.job("echo up; exec sleep 600")
	o.MaxTime = 2 * time.Second
	tty, exit := b.shell(o)
	tty.types(run + "\n")
	b.await("up\r\n")
	tty.prompted("ready$ ", "\x1a")
	b.await("Stopped")
	if out := b.outcome(o); out.Status != 143 || !out.Late {
		t.Errorf("%+v", out)
	}
	tty.types("exit\nexit\n") // bash may warn of stopped jobs
	<-exit
}

// In the background a job reads nothing from the terminal: the shell says so.
func TestJobInTheBackground(t *testing.T) {
	b := newBench(t, "")
	o := b.job("echo up; until read x; do :; done; echo read $x; exit 3")
	tty, exit := b.shell(o)
	tty.types(run + " &\n")
	b.await("up\r\n")
	for n := 0; !strings.Contains(b.said(), "Stopped"); n++ { // it is told before a prompt
		if n == 1000 {
			t.Fatalf("not stopped: %q", b.said())
		}
		tty.prompted("ready$ ", "\n")
		time.Sleep(time.Millisecond)
	}
	tty.types("fg; echo status $?\n")
	b.await("status $?\r\n")
	tty.types("on\n")
	b.await("status 3\r\n")
	tty.types("exit\n")
	b.outcome(o)
	<-exit
}

// A job that is a shell has the terminal for itself, and gives it back when it
// is suspended.
func TestJobIsAShell(t *testing.T) {
	b := newBench(t, "")
	o := b.job("")
	o.Spec.Argv = []string{"/bin/bash", "--norc", "--noprofile", "-i"}
	o.Spec.Env = append(o.Spec.Env, "PS1=inner$ ", "OUTER=inner", "HISTFILE=", "TERM=dumb")
	tty, exit := b.shell(o)
	tty.types(run + "\n")
	b.await("inner$ ")
	tty.prompted("inner$ ", "echo here: $OUTER\n")
	b.await("here: inner\r\n")
	tty.prompted("ready$ ", "suspend\n")
	b.await("Stopped")
	tty.prompted("ready$ ", "echo here: $OUTER\n")
	b.await("here: outer\r\n")
	tty.prompted("inner$ ", "fg; echo status $?\n")
	tty.prompted("inner$ ", "echo again: $OUTER\n")
	b.await("again: inner\r\n")
	tty.types("exit 9\n")
	b.await("status 9\r\n")
	tty.types("exit\n")
	if out := b.outcome(o); out.Status != 9 || out.Asked || out.Behind != 0 {
		t.Errorf("%+v", out)
	}
	<-exit
}
