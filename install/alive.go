package install

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	lookAgain = 50 * time.Millisecond
	patience  = 30 * time.Second // for what takes an instant, or runsvdir's five seconds
)

// await looks until something is so.
func await(so func() bool, what string) error {
	for end := time.Now().Add(patience); !so(); time.Sleep(lookAgain) {
		if time.Now().After(end) {
			return fmt.Errorf("waited %s in vain until %s", patience, what)
		}
	}
	return nil
}

// answers tells whether a keepone of this name runs: somebody listens at its
// control socket.
func (t *Task) answers() bool { return connects(filepath.Join(t.RunDir, "control")) }

func connects(path string) bool {
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
	}
	return err == nil || errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EAGAIN) // somebody else's, or too busy, and alive
}

// survives tells whether the site's backend outlived its keepone: its lock is
// held, and nobody answers. The lock is let go at once, and only looked at.
func (t *Task) survives() bool {
	if t.answers() {
		return false
	}
	f, err := os.Open(filepath.Join(t.RunDir, "backend.lock"))
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// listener is the process that listens at the control socket: unix(7),
// SO_PEERCRED. 0 is nobody.
func (t *Task) listener() int {
	conn, err := net.Dial("unix", filepath.Join(t.RunDir, "control"))
	if err != nil {
		return 0
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	err = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	if err != nil {
		return 0
	}
	return pid
}

// end has the site stopped: its keepone, and with that its backend. One that
// outlived its keepone is adopted, so that it finishes what it has; that may be
// seen only after the stop, where the next keepone was about to be started.
func (t *Task) end(k keeper) error {
	if err := k.stop(); err != nil {
		return err
	}
	if t.survives() && k.runs() {
		t.say("the backend of %s outlived its keepone: to be ended, it is adopted", t.Name)
		if err := k.start(); err != nil {
			return err
		}
		if err := k.stop(); err != nil {
			return err
		}
	}
	return t.gone()
}

// gone waits until keepone is gone. Who answers on is none of the init system's.
func (t *Task) gone() error {
	if t.DryRun {
		return nil
	}
	switch {
	case t.answers():
		return t.foreign("cannot go on", "kill %d ends it in order; then say it again")
	case t.survives():
		return hinted("keepone run "+t.Name+" adopts it, and ends it at Ctrl-C",
			"cannot end the backend of %s: it outlived its keepone", t.Name)
	}
	return nil
}

// foreign says that somebody else's keepone runs; hint has the number of its
// process. Where that cannot be told there is no such hint: kill 0 ends whoever
// says it.
func (t *Task) foreign(what, hint string) error {
	pid := t.listener()
	if pid == 0 {
		return hinted("keepone status "+t.Name+"; then say it again", "%s: a keepone for %s runs, and %s did not start it", what, t.Name, t.title())
	}
	return hinted(fmt.Sprintf(hint, pid), "%s: a keepone for %s runs (process %d), and %s did not start it", what, t.Name, pid, t.title())
}

// through does something that has the keepone end which listens at the control
// socket, and waits for that. It is held by a pidfd from before; where nobody
// listens there is nothing to wait for.
func (t *Task) through(f func(pidfd int) error) error {
	pid := t.listener()
	if pid == 0 {
		return f(-1)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if t.listener() != pid {
		return fmt.Errorf("another keepone answers meanwhile")
	}
	if err := f(fd); err != nil {
		return err
	}
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1) // drain.timeout and stop.timeout bound it
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
