package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
	"unsafe"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// signals turns the first SIGTERM, or what else stops keepone, into a stop, and
// the next into a hurry.
func (s *site) signals(ctx context.Context, leave func()) {
	for first := true; ; {
		select {
		case <-ctx.Done():
			return
		case sig := <-s.caught:
			switch {
			case sig == syscall.SIGHUP:
				s.reloadByHand(ctx)
			case sig == syscall.SIGUSR1:
				s.reopenByHand(ctx)
			case first:
				first = false
				notify(daemon.SdNotifyStopping)
				leave()
			default:
				s.loop.Hurry(ctx)
			}
		}
	}
}

// A disposition is the kernel's struct sigaction, and is never looked into:
// rt_sigaction(2). Zero is the default.
type disposition [4]uint64

const ignored = 1 // SIG_IGN, in the first word of it

// handling is how long a thread may take from the kernel's choice of it for a
// signal to the end of Go's handler.
const handling = 5 * time.Millisecond

// uncatch lets the signals that stop keepone end this process, as they would end
// the next program before that catches them, and returns what catches them again. A signal that
// came before is in the channel when it returns. For execve(2) ends all other
// threads, and one of them may have been chosen for a signal and not have come
// to handle it: that one would be lost.
func (s *site) uncatch() (again func()) {
	former := make([]disposition, len(caughtSignals))
	for i, sig := range caughtSignals {
		next := disposition{} // the default
		if sig == syscall.SIGHUP || sig == syscall.SIGUSR1 {
			next[0] = ignored // better not heard than dead
		}
		act(sig, &next, &former[i])
	}
	time.Sleep(handling)
	signal.Stop(s.caught) // returns when what was handled is in the channel
	return func() {
		signal.Notify(s.caught, caughtSignals...)
		for i, sig := range caughtSignals {
			act(sig, &former[i], nil)
		}
	}
}

func act(sig os.Signal, to, from *disposition) {
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig.(syscall.Signal)),
		uintptr(unsafe.Pointer(to)), uintptr(unsafe.Pointer(from)), 8, 0, 0) // cannot fail: the signals are valid
}
