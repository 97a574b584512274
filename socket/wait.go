package socket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// ErrShutDown: a holder called shutdown(2) on the listening socket. Nobody can
// accept from it again; make a new generation.
var ErrShutDown = errors.New("the listening socket was shut down by a process that holds it")

const (
	shortestPoll = time.Millisecond
	longestPoll  = 20 * time.Millisecond
)

// Ready waits until a process has accepted from l: something is active, or
// fewer are pending than before, or, when nobody waits, one connection of our
// own was accepted, which is closed at once. It ends with ErrShutDown, or with
// ctx.Err(); a connection of our own that still waits then is closed and keeps
// its place in the queue.
func Ready(ctx context.Context, l *Listener) error {
	d, err := OpenDiag()
	if err != nil {
		return err
	}
	defer d.Close()
	probe := -1
	defer func() {
		if probe >= 0 {
			_ = unix.Close(probe)
		}
	}()
	most := 0
	for poll := shortestPoll; ; poll = longer(poll) {
		q, err := d.Queue(l)
		switch {
		case err != nil:
			return err
		case q.ShutDown:
			return fmt.Errorf("cannot wait for the backend at %s: %w", l.options.Path, ErrShutDown)
		case q.Active > 0 || q.Pending < most:
			return nil // whoever gives up keeps its place: only accept(2) makes the queue shorter
		}
		most = q.Pending
		if probe < 0 && q.Pending == 0 {
			if probe, err = l.Connect(); errors.Is(err, ErrSuperseded) {
				return nil // it had only a queue to serve, and that is done
			} else if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.ECONNREFUSED) {
				return err
			}
		}
		if accepted, err := answered(d, probe); err != nil || accepted {
			return err
		}
		if err := pause(ctx, poll); err != nil {
			return err
		}
	}
}

// answered says whether the probe was accepted; -1 stands for none.
func answered(d *Diag, probe int) (bool, error) {
	if probe < 0 {
		return false, nil
	}
	return d.Accepted(probe)
}

// Drained waits until nothing is active and nothing pending at l, seen twice,
// a millisecond apart. progress, when not nil, gets the first queue and each
// that differs from the one before. It ends with ctx.Err().
//
// Connections whose client lives in another network namespace are not seen
// once they are accepted: ask ActiveIn for them.
func Drained(ctx context.Context, l *Listener, progress func(Queue)) error {
	d, err := OpenDiag()
	if err != nil {
		return err
	}
	defer d.Close()
	return drained(ctx, l.family().remainder(d, l), progress)
}

func drained(ctx context.Context, look func() (Queue, error), progress func(Queue)) error {
	last, before := Queue{Active: -1}, false
	for poll := shortestPoll; ; poll = longer(poll) {
		q, err := look()
		if err != nil {
			return err
		}
		if progress != nil && q != last {
			progress(q)
		}
		idle := q.idle()
		if idle && before {
			return nil
		}
		if idle {
			poll = shortestPoll
		}
		last, before = q, idle
		if err := pause(ctx, poll); err != nil {
			return err
		}
	}
}

// Quiet waits for a moment with nothing active and nothing pending at l, no
// longer than patience: both end without an error. It ends with ctx.Err().
func Quiet(ctx context.Context, l *Listener, patience time.Duration) error {
	d, err := OpenDiag()
	if err != nil {
		return err
	}
	defer d.Close()
	end := time.Now().Add(patience)
	for poll := shortestPoll; ; poll = longer(poll) {
		q, err := d.Queue(l)
		if err != nil || q.idle() {
			return err
		}
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		if err := pause(ctx, min(poll, left)); err != nil {
			return err
		}
	}
}

// longer makes polls grow with what has been waited: they see the end within a
// sixteenth of it.
func longer(poll time.Duration) time.Duration { return min(poll+poll/16, longestPoll) }

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
