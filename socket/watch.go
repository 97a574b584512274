package socket

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The inode of the file tells of its names: each that is made or removed
// changes the link count (IN_ATTRIB, inotify(7)), also where another file is
// renamed over it. The directory tells of itself alone. Neither wakes for what
// happens to the neighbours, of which /tmp has many.
const (
	fileEvents      = unix.IN_ATTRIB | unix.IN_MOVE_SELF | unix.IN_DELETE_SELF
	directoryEvents = unix.IN_MOVE_SELF | unix.IN_DELETE_SELF | unix.IN_ONLYDIR
)

// rest lies between two ends of Wait, so that somebody who removes the path in
// a loop cannot keep the resident busy. It is also when Wait tells a second
// time: unlink(2) tells of the link count before the name is gone for others
// (vfs_unlink in fs/namei.c), and who looks at once may still find it.
const rest = 10 * time.Millisecond

// A Watch tells when a Listener should be looked after at once. It does not
// see everything, so look from time to time as well: not the death of another
// program whose socket is in the way, nor a file system mounted over the
// directory. A connection is nothing to it.
type Watch struct {
	epoll   *os.File // of the listening sockets and of inotify, itself in Go's poller
	epollFD int
	inotify int
	last    time.Time // Wait's last end
	again   bool      // and it is to tell a second time
	events  [16]unix.EpollEvent
	notes   [4 << 10]byte
}

// OpenWatch opens a Watch of nothing. The error is EMFILE where this user has
// too many inotify instances (fs.inotify.max_user_instances).
func OpenWatch() (*Watch, error) {
	w, err := openWatch()
	if err != nil {
		return nil, fmt.Errorf("cannot watch the listening socket: %w; it is looked after from time to time only", err)
	}
	return w, nil
}

func openWatch() (*Watch, error) {
	inotify, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err == nil {
		// Only what does not block goes into Go's poller; for epoll_wait(2) it means nothing.
		err = errors.Join(unix.SetNonblock(epoll, true), follow(epoll, inotify, unix.EPOLLIN))
	}
	if err != nil {
		_ = unix.Close(inotify)
		if epoll >= 0 {
			_ = unix.Close(epoll)
		}
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &Watch{epoll: os.NewFile(uintptr(epoll), "epoll"), epollFD: epoll, inotify: inotify}, nil
}

// follow is edge-triggered: a socket that was shut down stays so, and is to
// wake only once.
func follow(epoll, fd int, events uint32) error {
	err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events | unix.EPOLLET, Fd: int32(fd)})
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

// Add watches l: that it is shut down, that its file loses or gets a name, that
// its directory goes, and what is at its path instead. Call it for each
// published generation, and again after each Cure that was not Cure{}: then
// the path leads to another file. Adding twice is harmless, and the kernel
// forgets what is gone. Any goroutine may call it, before Close. After an error
// the rest is watched all the same.
func (w *Watch) Add(l *Listener) error {
	var errs []error
	if l.fd >= 0 { // else only others hold it
		if err := follow(w.epollFD, l.fd, unix.EPOLLRDHUP); err != nil {
			errs = append(errs, fmt.Errorf("whether it is shut down: %w", err))
		}
	}
	errs = append(errs, l.family().watch(w, l))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cannot watch listening socket %s: %w", l.options.Path, err)
	}
	return nil
}

func (unixFamily) watch(w *Watch, l *Listener) error {
	var err error
	if l.file >= 0 {
		err = w.note(fdPath(l.file), fileEvents)
	}
	return errors.Join(err, w.note(l.options.Path, fileEvents|unix.IN_DONT_FOLLOW),
		w.note(filepath.Dir(l.options.Path), directoryEvents))
}

// note watches what is at path; nothing there is nothing to watch.
func (w *Watch) note(path string, events uint32) error {
	_, err := unix.InotifyAddWatch(w.inotify, path, events)
	if err == nil || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	return &os.PathError{Op: "inotify_add_watch", Path: path, Err: err}
}

// Wait returns nil when something happened that is worth a Mend, and once more
// soon after. What Mend and Publish do themselves shows up, too, and ends there:
// where all is well Mend changes nothing. It ends with ctx.Err(). One goroutine
// at a time may wait; it blocks no thread.
func (w *Watch) Wait(ctx context.Context) error {
	if err := pause(ctx, time.Until(w.last.Add(rest))); err != nil {
		return err
	}
	var err error
	if w.again {
		w.again, err = w.take()
	} else {
		err = w.sleep(ctx)
		w.again = err == nil
	}
	w.last = time.Now()
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	if err != nil {
		return fmt.Errorf("cannot watch the listening socket: %w", err)
	}
	return nil
}

func (w *Watch) sleep(ctx context.Context) error {
	raw, err := w.epoll.SyscallConn()
	if err != nil {
		return err
	}
	return w.wait(ctx, raw.Read)
}

func (w *Watch) wait(ctx context.Context, read func(func(uintptr) bool) error) error {
	end := context.AfterFunc(ctx, func() { _ = w.epoll.SetReadDeadline(time.Unix(1, 0)) })
	defer end()
	for {
		if err := w.epoll.SetReadDeadline(time.Time{}); err != nil || ctx.Err() != nil {
			return err
		}
		var err error
		if cause := read(func(uintptr) (done bool) {
			done, err = w.take()
			return done || err != nil
		}); cause != nil {
			err = cause
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) { // it may be that of an earlier Wait
			return err
		}
	}
}

// take takes what has happened, and says whether it was worth anything.
func (w *Watch) take() (worth bool, err error) {
	for {
		n, err := unix.EpollWait(w.epollFD, w.events[:], 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return worth, err
		}
		for _, e := range w.events[:n] {
			worth = int(e.Fd) != w.inotify || w.read() || worth
		}
		if n < len(w.events) {
			return worth, nil
		}
	}
}

// read empties inotify's queue, an edge being told once.
func (w *Watch) read() (worth bool) {
	for {
		n, err := unix.Read(w.inotify, w.notes[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return worth
		}
		worth = true // nothing else is watched
	}
}

// Close ends the Watch. Nobody may wait any more, or call Add.
func (w *Watch) Close() error {
	return errors.Join(w.epoll.Close(), unix.Close(w.inotify))
}
