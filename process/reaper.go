// Package process starts the backend and ends it: the shim between fork and
// exec, the tree of descendants, and the one place where children are waited
// for.
package process

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// A Reaper waits for every child of this process, also for those that it
// inherits as PID 1 or as a subreaper. It needs no thread per child, as
// os.Process.Wait does.
type Reaper struct {
	births  chan birth
	leaders chan leaders
}

// A birth is done on the reaper's goroutine, so that no child can be reaped
// before it is known.
type birth struct {
	fork  func() (pid int, err error)
	reply chan born
}

type born struct {
	pid    int
	status <-chan syscall.WaitStatus
	err    error
}

type leaders struct {
	buf   []int
	reply chan []int
}

// NewReaper returns a Reaper; nothing is reaped before Run.
func NewReaper() *Reaper {
	return &Reaper{births: make(chan birth), leaders: make(chan leaders)}
}

// Run reaps until ctx is done. While it runs nothing else in the process may
// wait for children.
func (r *Reaper) Run(ctx context.Context) {
	died := make(chan os.Signal, 1)
	signal.Notify(died, syscall.SIGCHLD)
	defer signal.Stop(died)
	// Who is a child of ours already, started by whoever became keepone by
	// exec, is none of ours: nil, for nobody waits for it.
	known := map[int]chan syscall.WaitStatus{}
	for _, pid := range newScan().children(os.Getpid(), nil) {
		known[pid] = nil
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-died:
			reap(known)
		case b := <-r.births:
			pid, err := b.fork()
			c := make(chan syscall.WaitStatus, 1)
			if err == nil {
				known[pid] = c
			}
			b.reply <- born{pid, c, err}
			reap(known) // the signal of a child that died at once may have come before
		case l := <-r.leaders:
			for pid := range known {
				l.buf = append(l.buf, pid)
			}
			l.reply <- l.buf
		}
	}
}

// reap collects every child that has died. One signal may stand for several.
func reap(known map[int]chan syscall.WaitStatus) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if pid <= 0 || err != nil {
			return
		}
		if c, ok := known[pid]; ok {
			if c != nil {
				c <- status
			}
			delete(known, pid)
		}
	}
}

// start forks on the reaper's goroutine. The channel delivers the wait status
// of the child once.
func (r *Reaper) start(fork func() (int, error)) (int, <-chan syscall.WaitStatus, error) {
	b := birth{fork, make(chan born, 1)}
	r.births <- b
	got := <-b.reply
	return got.pid, got.status, got.err
}

// Leaders appends to buf the children that are not a backend's orphans: those
// that were started here, or were there before, and are not yet reaped. reply, of capacity 1, is the caller's to reuse: the call allocates
// nothing.
func (r *Reaper) Leaders(buf []int, reply chan []int) []int {
	r.leaders <- leaders{buf, reply}
	return <-reply
}
