package process

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// A Rival is a process that is a backend and that somebody else started.
type Rival struct {
	PID   int
	Pidfd int // proves who it is
}

// Take makes one Process of rivals that share a socket: the first is its leader,
// and what descends from any of them belongs to it. Their pidfds are the
// Process' from now on, unless there is an error. end, where it is not nil, ends
// them in place of the signal stop, for whoever started them would start them
// again; where it fails the signal is sent. It may take its time.
//
// How they end is known as with Adopt. An orphan that was forked after the call
// by one of them that has ended before it was looked at is not found.
func (r *Reaper) Take(who []Rival, stop unix.Signal, end func() error) (*Process, error) {
	p := newProcess(stop)
	p.pid, p.pidfd, p.serves, p.end = who[0].PID, who[0].Pidfd, true, end
	close(p.runs)
	var err error
	if p.poll, err = pollable(p.pidfd); err != nil {
		return nil, fmt.Errorf("cannot take over process %d: %w", p.pid, err)
	}
	f := &former{line: line{leader: p.pid, reaper: r, lives: func() bool { return !Ended(p.pidfd) }}, proof: &proof{}}
	for _, w := range who[1:] {
		f.strays = append(f.strays, stray{w.PID, w.Pidfd})
	}
	f.holdDescendants()
	p.tree = f
	go p.awaitStranger(p.poll)
	return p, nil
}

// Release gives up what Take has made, before anything was done to it: the rival
// lives on as it did. Exited is closed, and Close was called.
func (p *Process) Release() {
	close(p.released)
	p.poll.SetReadDeadline(time.Unix(1, 0))
	for range p.exits {
	}
	p.Close()
}

// holdDescendants keeps a pidfd of everybody, for with the leader gone nothing
// else says that they belong together. Who is asked for again when the pidfd is
// open cannot be somebody else.
func (f *former) holdDescendants() {
	sc := newScan()
	defer sc.free()
	var opened []stray
	for _, pid := range f.pids(sc, nil) {
		known := func(s stray) bool { return s.pid == pid }
		if pid == f.leader || slices.ContainsFunc(f.strays, known) {
			continue
		}
		if fd, err := unix.PidfdOpen(pid, 0); err == nil {
			opened = append(opened, stray{pid, fd})
		}
	}
	now := f.pids(sc, nil)
	for _, s := range opened {
		if slices.Contains(now, s.pid) {
			f.strays = append(f.strays, s)
		} else {
			unix.Close(s.pidfd)
		}
	}
}

// endForGood does not wait. The signal goes through a pidfd of its own: by then
// this one may be closed.
func (p *Process) endForGood() error {
	fd, err := p.Pidfd()
	if err != nil {
		return err
	}
	go func() {
		defer unix.Close(fd)
		if p.end() != nil {
			unix.PidfdSendSignal(fd, p.stop, nil, 0)
		}
	}()
	return nil
}
