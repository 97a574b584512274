package main

import (
	"errors"
	"fmt"
	"keepone/record"
	"keepone/single"
	"keepone/socket"
	"keepone/supervise"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// A legacy is what a killed keepone left: its word, and who of it still lives,
// each proved by pid, start time and boot. -1 stands for nobody.
type legacy struct {
	state           record.State
	backend, holder int      // pidfds
	lock            *os.File // taken, or kept through an upgrade
	control         int      // its listening socket, kept through an upgrade; else -1
	sockets         []int    // listening sockets that were kept for us
	child           bool     // the backend is a child of this process, which another program was
}

// claim makes the run directory, proves that no other keepone lives there and
// finds out what a former one left. A backend that cannot be proved to be the
// recorded one is refused: never a second interpreter. The lock lasts until it
// is closed.
func claim(t target, e *estate, passed *stock) (*legacy, error) {
	if e != nil {
		l := prove(e.State)
		l.lock, l.control, l.sockets, l.child = os.NewFile(uintptr(e.Lock), t.lock()), e.Control, e.Sockets, true
		return l, nil
	}
	if err := makeRunDir(t.runDir); err != nil {
		return nil, err
	}
	lock, err := single.Lock(t.lock())
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, &failure{exitFailed, "keepone status " + t.name, fmt.Errorf("cannot run %s a second time: %w", t.name, err)}
	} else if err != nil {
		return nil, fmt.Errorf("cannot run %s: %w", t.name, err)
	}
	l := leftBy(t)
	l.lock, l.state.Upgrades = lock, 0
	l.enrich(passed)
	backendLock, err := single.Lock(t.backendLock())
	switch {
	case err == nil:
		backendLock.Close()
	case l.backend < 0:
		l.close()
		lock.Close()
		return nil, survivor(t, err)
	}
	return l, nil
}

// survivor explains a backend that outlived its keepone and is not the
// recorded one.
func survivor(t target, err error) error {
	hint := ""
	if held := new(single.HeldError); errors.As(err, &held) && len(held.Holders) > 0 {
		hint = fmt.Sprintf("it may still serve; end it with: kill %d", held.Holders[0].PID)
	}
	return &failure{exitFailed, hint, fmt.Errorf("cannot run %s: a backend of a former keepone still lives, and cannot be adopted: %w", t.name, err)}
}

// leftBy reads the state file. What cannot be believed counts as nothing.
func leftBy(t target) *legacy {
	state, err := record.Read(t.state())
	if err != nil {
		state = record.State{}
	}
	return prove(state)
}

// prove finds out who of a state still lives.
func prove(state record.State) *legacy {
	l := &legacy{state: state, backend: -1, holder: -1, control: -1}
	for p, fd := range map[*record.Process]*int{state.Backend: &l.backend, state.Holder: &l.holder} {
		if p == nil {
			continue
		}
		if pidfd, err := p.Open(); err == nil {
			*fd = pidfd
		}
	}
	return l
}

func (l *legacy) close() {
	for _, fd := range append([]int{l.backend, l.holder}, l.sockets...) {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	l.backend, l.holder, l.sockets = -1, -1, nil
}

// book is what the next keepone goes on counting, whoever lives.
func (l *legacy) book() supervise.Legacy {
	r := supervise.Legacy{Restarts: l.state.Restarts, LastExit: l.state.LastExit, Failures: l.state.Failures, Stopped: l.stopped()}
	if last := l.state.Last; last != nil {
		r.Last = supervise.Restart{Reason: supervise.Reason(last.Reason), Exit: last.Exit, At: last.At}
	}
	return r
}

// stopped says that an operator had ended the backend.
func (l *legacy) stopped() bool {
	switch l.state.Phase {
	case "down", "closing", "stopping":
		return true
	}
	return false
}

// backends are those that may hold a socket at the path: at most one.
func (l *legacy) backends() []int {
	if l.state.Backend == nil {
		return nil
	}
	return []int{l.state.Backend.PID}
}

func (l *legacy) holders() []int {
	if l.holder < 0 {
		return nil
	}
	return []int{l.state.Holder.PID}
}

// kept is the descriptor of a socket that was kept for us, and is ours from
// then on; -1 for none.
func (l *legacy) kept(of record.Socket) int {
	for _, fd := range l.sockets {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Ino == of.Inode {
			return fd
		}
	}
	return -1
}

// retrieve takes a socket from what was kept for us, else out of one of the
// processes.
func (l *legacy) retrieve(options socket.Options, of record.Socket, pids []int) (*socket.Listener, error) {
	fd, err := l.kept(of), error(nil)
	if fd >= 0 {
		l.sockets = slices.DeleteFunc(l.sockets, func(kept int) bool { return kept == fd })
	} else if fd, err = socket.Retrieve(of.Inode, pids); err != nil {
		return nil, err
	}
	taken, err := socket.Adopt(options, of.Generation, fd)
	if err != nil {
		unix.Close(fd)
	}
	return taken, err
}
