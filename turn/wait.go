package turn

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// How long apart the lock is tried. flock(2) knows no timeout, and a thread
// that waits in it cannot be called back.
const (
	firstPause = time.Millisecond
	lastPause  = 100 * time.Millisecond
)

// unknown is how often the lock is tried before it is told who holds it: who
// only looks whether it is free has it for a moment, too.
const unknown = 4

// Wait takes the file exclusively, makes it where it is missing, and waits
// until whoever holds it lets go. The lock lasts until the last descriptor of
// this opening is closed, also an inherited one. told, where it is not nil,
// hears who is waited for, and again when that is somebody else. The lock is
// tried at least once. When ctx ends the error names the holder and wraps why
// ctx ended: context.DeadlineExceeded for a timeout.
//
// Nobody stands in a queue: of several, the next to try has the turn.
func Wait(ctx context.Context, path string, told func(Holder)) (*os.File, error) {
	var holder Holder
	for n, pause := 0, firstPause; ; n, pause = n+1, min(2*pause, lastPause) {
		f, err := open(path)
		if err != nil {
			return nil, err
		}
		if err = flock(f); err == nil && current(f, path) {
			return f, nil
		}
		if err == syscall.EWOULDBLOCK && (n >= unknown || ctx.Err() != nil) && !holder.lives() {
			last := holder
			holder = find(f)
			if told != nil && ctx.Err() == nil && (n == unknown || !holder.is(last)) {
				told(holder)
			}
		}
		f.Close()
		if err != nil && err != syscall.EWOULDBLOCK {
			return nil, fmt.Errorf("cannot lock %s: %w", path, err)
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("cannot have a turn: it is that of %s: %w", holder, context.Cause(ctx))
		}
		select { // after which it is tried once more
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// open follows no link. The file is readable by its owner only, since whoever
// can open it can lock it.
func open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the lock: %w", err)
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file: remove it", path)
	}
	if err == nil && st.Mode().Perm() != 0o600 {
		err = f.Chmod(0o600)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot use the lock: %w", err)
	}
	return f, nil
}

func flock(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != syscall.EINTR {
			return err
		}
	}
}

// current says whether path still means f: somebody may have removed it while
// it was waited for, and then another file is the lock.
func current(f *os.File, path string) bool {
	held, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(path)
	return err == nil && os.SameFile(held, named)
}
