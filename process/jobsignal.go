package process

import (
	"bytes"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sameSignal is how close together two interrupts are one: whoever tells both
// a process and its group, as timeout(1) does, means one.
const sameSignal = 100 * time.Millisecond

// take does what a signal to this process asks for.
func (r *running) take(sig unix.Signal) {
	switch sig {
	case unix.SIGCHLD: // the loop looks
	case unix.SIGCONT:
		// the alarm's: who is stopped hears first that it is to end
		if r.exit.Asked || r.MaxTime == 0 || time.Since(r.began) < r.MaxTime {
			r.wake()
		}
	case unix.SIGINT, unix.SIGQUIT:
		if r.Interactive && foreground() == unix.Getpgrp() {
			return // the terminal has told the job, too
		}
		if r.interrupted.IsZero() {
			r.interrupted = time.Now()
		} else if time.Since(r.interrupted) > sameSignal {
			r.kill()
			return
		}
		r.end(sig, foreground() == unix.Getpgrp())
	default:
		r.end(sig, false)
	}
}

// end tells the job to end. From the keyboard the signal has reached it already.
func (r *running) end(sig unix.Signal, keyboard bool) {
	if !r.exit.Asked && !r.exited {
		text := ""
		if sig == unix.SIGINT || sig == unix.SIGQUIT {
			text = "; Ctrl-C again kills it"
		}
		r.note("%s: the job has %s to end%s", unix.SignalName(sig), r.StopTimeout, text)
	}
	r.exit.Asked = r.exit.Asked || !r.exited
	if r.tell(sig, keyboard) {
		r.unsure = sig
	}
	r.wake()
	if r.deadline == nil {
		r.within(r.StopTimeout)
	}
}

// An audience is who of a tree is meant.
type audience struct {
	of    members
	means func(pid int) bool
}

func (a audience) all(s *scan, buf []int) []int {
	n := len(buf)
	for _, pid := range a.of.all(s, nil) {
		if a.means(pid) {
			buf = append(buf[:n], pid)
			n++
		}
	}
	return buf[:n]
}

// tell signals whom a terminal would: the leader, and who of the job is in our
// process group. A signal that may come from the keyboard, of which nothing in
// Go tells, is not sent again to who catches it: Python would be interrupted in
// the middle of what it cleans up after the first. For the others a second one
// is as good as the first. It says whether somebody was spared.
func (r *running) tell(sig unix.Signal, keyboard bool) (spared bool) {
	signalAll(audience{&r.offspring, func(pid int) bool {
		near := r.near(pid)
		if keyboard && near && catches(pid, sig) {
			spared = true
			return false
		}
		return near || pid == r.leader
	}}, r.scan, sig)
	return spared
}

func (r *running) near(pid int) bool {
	group, err := unix.Getpgid(pid)
	return err == nil && group == unix.Getpgrp()
}

// wake continues whom tell means and who is stopped.
func (r *running) wake() {
	signalAll(audience{&r.offspring, func(pid int) bool {
		return (pid == r.leader || r.near(pid)) && still(pid)
	}}, r.scan, unix.SIGCONT)
}

// stopped is called when the leader has been. Mostly it stops with its group,
// and so with this process. A shell of its own has a group and the terminal of
// its own, and no key reaches us any more: then the caller's shell, where there
// is one, must see a stopped process to take the terminal back.
func (r *running) stopped() {
	group, err := unix.Getpgid(r.leader)
	if err != nil || group == unix.Getpgrp() || group != foreground() {
		return
	}
	ours, err := unix.Getsid(0)
	callers, errCaller := unix.Getsid(os.Getppid())
	if r.exit.Asked || err != nil || errCaller != nil || ours != callers {
		r.wake()
		return
	}
	unix.Kill(os.Getpid(), unix.SIGSTOP)
}

// lookAtTerminal sees that the terminal was closed: the kernel sends SIGHUP to
// the leader of the session only, and a script need not pass it on. Who was in
// the background is left alone, as with a shell's disown.
func (r *running) lookAtTerminal() {
	group := foreground()
	leaders, err := unix.Getpgid(r.leader)
	switch {
	case group == unix.Getpgrp() || err == nil && group == leaders:
		r.onTerminal = true
	case group > 0:
		r.onTerminal = false
	case r.onTerminal && !signal.Ignored(unix.SIGHUP):
		r.onTerminal = false
		r.end(unix.SIGHUP, false)
	}
}

// foreground is the process group that has this process' terminal; -1 where
// there is none.
func foreground() int {
	fd, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	defer unix.Close(fd)
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	if err != nil {
		return -1
	}
	return group
}

// catches says whether the process has a function of its own for the signal:
// SigCgt of proc_pid_status(5), hexadecimal, bit 0 for signal 1.
func catches(pid int, sig syscall.Signal) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return false
	}
	_, rest, _ := bytes.Cut(text, []byte("\nSigCgt:\t"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	caught, err := strconv.ParseUint(string(line), 16, 64)
	return err == nil && caught>>(sig-1)&1 == 1
}
