package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"keepone/command"
	"keepone/process"
	"keepone/record"
	"keepone/single"
	"keepone/socket"
	"keepone/supervise"
)

// A legacy is what a killed keepone left: its word, and who of it still lives,
// each proved by pid, start time and boot. -1 stands for nobody.
type legacy struct {
	state           record.State
	backend, holder int      // pidfds
	lock            *os.File // taken, or kept through an upgrade
	control         int      // its listening socket, kept through an upgrade; else -1
	sockets         []int    // listening sockets that were kept for us
	held            error    // who holds the backend's lock; nil for nobody
	untaken         bool     // its socket could not be taken back
	child           bool     // the backend is a child of this process, which another program was
}

// claim makes the run directory, proves that no other keepone lives there and
// finds out what a former one left. A backend that cannot be proved to be the
// recorded one is refused: never a second interpreter. The lock lasts until it
// is closed.
func claim(t target, adopt string, e *estate, passed *stock) (*legacy, error) {
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
		return nil, command.Fail(command.Failed, "keepone status "+t.name, fmt.Errorf("cannot run %s a second time: %w", t.name, err))
	} else if err != nil {
		return nil, fmt.Errorf("cannot run %s: %w", t.name, err)
	}
	l, err := settled(t, passed)
	if err == nil {
		err = l.acceptable(t, adopt)
	}
	if err != nil {
		l.close()
		lock.Close()
		return nil, err
	}
	l.lock, l.state.Upgrades = lock, 0
	return l, nil
}

// A shim that was given the word just before its keepone was killed is neither
// waiting nor a backend for some milliseconds.
const (
	settleLooks = 40
	settlePause = 50 * time.Millisecond
)

// settled finds out who is left, and who of them has the backend's lock.
func settled(t target, passed *stock) (l *legacy, err error) {
	for range settleLooks {
		if l != nil {
			l.close()
			time.Sleep(settlePause)
		}
		l = leftBy(t)
		var lock *os.File
		if lock, err = single.Lock(t.backendLock()); err == nil {
			lock.Close()
			break
		}
		if held := new(single.HeldError); !errors.As(err, &held) {
			return l, fmt.Errorf("cannot run %s: %w", t.name, err)
		}
		if l.held = err; l.backend >= 0 || l.holder < 0 {
			break
		}
	}
	l.enrich(passed)
	return l, nil
}

// acceptable refuses to begin beside a backend that is not proved to be the
// recorded one, or that is not wanted. What a recorded one left behind that is
// dead itself will be ended.
func (l *legacy) acceptable(t target, adopt string) error {
	orphans := l.state.Backend != nil && l.backend < 0 // their leader is dead
	switch {
	case l.backend >= 0 && adopt == "refuse":
		return command.Fail(command.Failed, fmt.Sprintf("end it with: kill %d, or set single.adopt", l.state.Backend.PID),
			fmt.Errorf("cannot run %s: a backend of a former keepone, process %d, still lives, and single.adopt is \"refuse\"", t.name, l.state.Backend.PID))
	case l.held != nil && l.backend < 0 && !orphans && adopt != "replace" && !l.byJob(t):
		return survivor(t, l.held)
	}
	return nil
}

// byJob says that a job holds the backend's lock: it is waited for, like any
// rival. What was left of one whose keepone exec is dead is ended.
func (l *legacy) byJob(t target) bool {
	held := new(single.HeldError)
	mark, err := process.Mark(t.runDir)
	if !errors.As(l.held, &held) || err != nil {
		return false
	}
	isJob := func(h single.Holder) bool { return process.IsJob(h.PID, mark) }
	if !slices.ContainsFunc(held.Holders, isJob) {
		return false
	}
	if lock, err := single.Lock(t.jobLock()); err == nil { // no keepone exec runs, and none begins meanwhile
		process.EndJobs(mark, 0) // whoever's they are
		lock.Close()
	}
	return true
}

// survivor explains a backend that outlived its keepone and is not the
// recorded one.
func survivor(t target, err error) error {
	hint := ""
	if held := new(single.HeldError); errors.As(err, &held) && len(held.Holders) > 0 {
		hint = fmt.Sprintf("it may still serve; end it with: kill %d", held.Holders[0].PID)
	}
	return command.Fail(command.Failed, hint, fmt.Errorf("cannot run %s: a backend of a former keepone still lives, and cannot be adopted: %w", t.name, err))
}

// leftBy reads the state file. What cannot be believed counts as nothing.
func leftBy(t target) *legacy {
	state, err := record.Read(t.state())
	if err != nil {
		state = record.State{}
	}
	l := prove(state)
	l.sortShims(t.name)
	return l
}

// sortShims looks whether who is recorded as the backend is only about to
// become it: then it waits, with its socket, for a word that will not come.
func (l *legacy) sortShims(name string) {
	if l.backend >= 0 && l.holder < 0 && process.IsShim(l.state.Backend.PID, name) {
		l.state.Holder, l.holder = l.state.Backend, l.backend
		l.state.Backend, l.backend = nil, -1
	}
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
