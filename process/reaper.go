// Package process starts the backend and ends it: the shim between fork and
// exec, the tree of descendants, and the one place where children are waited
// for.
package process

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Reaper waits for every child of this process, also for those that it
// inherits as PID 1 or as a subreaper. It needs no thread per child, as
// os.Process.Wait does.
type Reaper struct {
	tasks   chan func(brood)
	leaders chan leaders
}

// A brood is the children as the reaper's goroutine, and nobody else, knows
// them. Orphans that came to us are in neither map.
type brood struct {
	// known are those that were started here and those that were there before
	// Run. Of the latter the channel is nil until somebody claims them.
	known map[int]chan syscall.WaitStatus
	// early keeps how those ended that were there before Run, until claimed.
	early map[int]syscall.WaitStatus
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
	return &Reaper{tasks: make(chan func(brood)), leaders: make(chan leaders)}
}

// Run reaps until ctx is done. While it runs nothing else in the process may
// wait for children.
func (r *Reaper) Run(ctx context.Context) {
	died := make(chan os.Signal, 1)
	signal.Notify(died, syscall.SIGCHLD)
	defer signal.Stop(died)
	// Who is a child of ours already, started by whoever became keepone by
	// exec, is none of ours unless it is adopted.
	b := brood{map[int]chan syscall.WaitStatus{}, map[int]syscall.WaitStatus{}}
	for _, pid := range newScan().children(os.Getpid(), nil) {
		b.known[pid] = nil
	}
	b.reap() // the signal may have come before the exec
	for {
		select {
		case <-ctx.Done():
			return
		case <-died:
			b.reap()
		case do := <-r.tasks:
			do(b)
			b.reap() // the signal of a child that died at once may have come before
		case l := <-r.leaders:
			for pid := range b.known {
				l.buf = append(l.buf, pid)
			}
			l.reply <- l.buf
		}
	}
}

// reap collects every child that has died. One signal may stand for several.
func (b brood) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if pid <= 0 || err != nil {
			return
		}
		if c, ok := b.known[pid]; ok {
			if c != nil {
				c <- status
			} else {
				b.early[pid] = status
			}
			delete(b.known, pid)
		}
	}
}

// start forks on the reaper's goroutine, so that no child can be reaped before
// it is known. The channel delivers the wait status of the child once.
func (r *Reaper) start(fork func() (int, error)) (int, <-chan syscall.WaitStatus, error) {
	reply := make(chan born, 1)
	r.tasks <- func(b brood) {
		pid, err := fork()
		c := make(chan syscall.WaitStatus, 1)
		if err == nil {
			b.known[pid] = c
		}
		reply <- born{pid, c, err}
	}
	got := <-reply
	return got.pid, got.status, got.err
}

// A claimed child is one that was not started here.
type claimed struct {
	pidfd  int                       // -1 when it was reaped already
	status <-chan syscall.WaitStatus // delivers once, as start's does
}

// claim makes a process ours to wait for, also one that has died already, if it
// is our child; else the status is nil. pidfd is -1 where there is none: then
// the number means a child that was there before Run.
func (r *Reaper) claim(pid, pidfd int) claimed {
	reply := make(chan claimed, 1)
	r.tasks <- func(b brood) { reply <- b.claim(pid, pidfd) }
	return <-reply
}

func (b brood) claim(pid, pidfd int) claimed {
	c := make(chan syscall.WaitStatus, 1)
	kind, id := unix.P_PIDFD, pidfd
	if pidfd < 0 {
		kind, id = unix.P_PID, pid
	}
	// WNOWAIT: it is a child until it is reaped, and that happens on this goroutine only
	if b.known[pid] == nil && unix.Waitid(kind, id, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) == nil {
		if pidfd < 0 {
			pidfd, _ = unix.PidfdOpen(pid, 0)
		}
		b.known[pid] = c
		return claimed{pidfd, c}
	}
	if status, ok := b.early[pid]; ok && (pidfd < 0 || Ended(pidfd)) {
		delete(b.early, pid)
		c <- status
		return claimed{pidfd, c}
	}
	return claimed{pidfd, nil}
}

// disown makes orphans of a backend's of those that were there before Run.
func (r *Reaper) disown(pids []int) {
	done := make(chan struct{})
	r.tasks <- func(b brood) {
		for _, pid := range pids {
			if b.known[pid] == nil {
				delete(b.known, pid)
			}
		}
		close(done)
	}
	<-done
}

// Leaders appends to buf the children that are not a backend's orphans: those
// that were started here, or were there before, and are not yet reaped. reply,
// of capacity 1, is the caller's to reuse: the call allocates nothing.
func (r *Reaper) Leaders(buf []int, reply chan []int) []int {
	r.leaders <- leaders{buf, reply}
	return <-reply
}
