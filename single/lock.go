// Package single proves that nobody else does the same: one keepone for a
// name, one backend for a keepone.
package single

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how often a lock is tried whose holder has gone when it is looked
// for.
const patience = 10

// HeldError says that somebody else holds a lock. It wraps syscall.EWOULDBLOCK.
type HeldError struct {
	Path    string
	Holders []Holder // empty where /proc does not tell: another user's processes
}

func (e *HeldError) Error() string {
	var who []string
	for _, h := range e.Holders {
		who = append(who, h.String())
	}
	if len(who) == 0 {
		who = []string{"a process that cannot be seen from here"}
	}
	return fmt.Sprintf("%s is held by %s", e.Path, strings.Join(who, " and "))
}

// Unwrap makes errors.Is(err, syscall.EWOULDBLOCK) true.
func (*HeldError) Unwrap() error { return syscall.EWOULDBLOCK }

// Lock takes the file exclusively, without waiting, and makes it where it is
// missing. The lock lasts until the last descriptor of this opening is closed,
// also an inherited one: flock(2). The file is readable by its owner only,
// since whoever can open it can lock it. The error is a *HeldError when
// somebody else holds it.
func Lock(path string) (*os.File, error) {
	for n := range 2 * patience {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, fmt.Errorf("cannot open the lock: %w", err)
		}
		if err := flock(f); err != nil {
			holders := Holders(f)
			f.Close()
			if err == syscall.EWOULDBLOCK && len(holders) == 0 && n < patience {
				time.Sleep(time.Millisecond) // status takes it for a moment, and others cannot be seen
				continue
			}
			if err == syscall.EWOULDBLOCK {
				return nil, &HeldError{path, holders}
			}
			return nil, fmt.Errorf("cannot lock %s: %w", path, err)
		}
		if current(f, path) {
			return f, nil
		}
		f.Close() // it was removed while we locked it: the name means another file now
	}
	return nil, fmt.Errorf("cannot lock %s: it is replaced again and again", path)
}

func flock(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != syscall.EINTR {
			return err
		}
	}
}

// current says whether path still means f.
func current(f *os.File, path string) bool {
	held, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(path)
	return err == nil && os.SameFile(held, named)
}
