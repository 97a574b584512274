package probe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// sunPathMax is how long a name in a sockaddr_un may be, its NUL not counted.
const sunPathMax = 107

// Notify is the receiving side of sd_notify(3): a datagram socket whose path
// the backend finds in NOTIFY_SOCKET.
//
// It is read from Listen to Close, whether somebody waits for READY=1 or not:
// a backend that says WATCHDOG=1 for ever would else block once the socket's
// short queue (net.unix.max_dgram_qlen) is full.
type Notify struct {
	path  string
	file  *os.File
	made  fs.FileInfo // the socket file as we made it
	close func() error

	saying chan int      // READY=1 from this process, to a Ready that waits; answered by judged
	judged chan struct{} // the sender may go
	early  chan int      // the same, while nobody waits; the oldest gets lost
	ended  chan struct{} // closed when nothing is read any more, for the reason in err
	err    error
	status atomic.Pointer[Status]
}

// Status is what a process said last about itself with STATUS=.
type Status struct {
	PID  int    // 0: nobody said anything
	Text string // at most 200 bytes, without control characters
}

// ListenNotify makes the socket at path, an absolute one of at most 107 bytes,
// since clients know no other way to reach it. A socket left there is
// replaced: the caller holds keepone's lock, so nobody listens there. Anything
// else at path is an error.
//
// The file belongs to uid and gid (-1 leaves them) and has mode 0600, so that
// besides root only the backend's user can say anything.
func ListenNotify(path string, uid, gid int) (*Notify, error) {
	n := &Notify{
		path: path, saying: make(chan int), judged: make(chan struct{}),
		early: make(chan int, 16), ended: make(chan struct{}),
	}
	n.close = sync.OnceValue(n.closeOnce)
	err := checkPath(path)
	if err == nil {
		err = removeStale(path)
	}
	if err == nil {
		err = n.bind(uid, gid)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen for sd_notify at %s: %w", path, err)
	}
	go n.receive()
	return n, nil
}

func checkPath(path string) error {
	switch {
	case !filepath.IsAbs(path):
		return errors.New("the path is not absolute")
	case len(path) > sunPathMax:
		return fmt.Errorf("the path has %d bytes, and %d are possible; choose a shorter run directory", len(path), sunPathMax)
	}
	return nil
}

func removeStale(path string) error {
	there, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return bare(err)
	case there.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("what is there is no socket (%s); move it away", there.Mode())
	}
	return bare(os.Remove(path))
}

// bare leaves out the path, which the message names already.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// bind takes the steps in the one order in which nobody else ever can send: the
// file inherits mode 0 from the unbound socket, whatever the umask.
func (n *Notify) bind(uid, gid int) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	n.file = os.NewFile(uintptr(fd), n.path)
	// Before the first datagram can come: a sender is known from then on.
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
	if err == nil {
		err = unix.Fchmod(fd, 0)
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: n.path})
	}
	if err != nil {
		n.file.Close()
		return err
	}
	if err = n.give(uid, gid); err != nil {
		os.Remove(n.path)
		n.file.Close()
	}
	return err
}

// give sets owner and mode through one descriptor of the file, so that all is
// done to what was looked at.
func (n *Notify) give(uid, gid int) error {
	fd, err := unix.Open(n.path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	there := os.NewFile(uintptr(fd), n.path)
	defer there.Close()
	if n.made, err = there.Stat(); err != nil {
		return bare(err)
	}
	if n.made.Mode().Type() != fs.ModeSocket {
		return errors.New("somebody replaced it in the same moment: nobody else may write its directory")
	}
	if uid >= 0 || gid >= 0 {
		if err := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
			return fmt.Errorf("give it to user %d and group %d (only root may give files away): %w", uid, gid, err)
		}
	}
	return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), 0o600)
}

// Ready waits for READY=1 from a process for which member is true, and returns
// nil. What others say is ignored. member is called with the sender's pid as
// the kernel knows it. What came before counts as if it came now, so a backend
// may be faster than the call; but only while Ready waits does a sender that
// lingers until it is heard (systemd-notify(1), sd_notify_barrier(3)) find
// member called before it may go.
//
// One Ready at a time: a message goes to one of them only. The error wraps
// ctx.Err(), or says why nothing can come any more.
func (n *Notify) Ready(ctx context.Context, member func(pid int) bool) error {
	for {
		ok := false
		select {
		case pid := <-n.saying:
			ok = member(pid)
			n.judged <- struct{}{}
		case pid := <-n.early:
			ok = member(pid)
		case <-n.ended:
			return fmt.Errorf("cannot wait for READY=1 at %s: %w", n.path, n.err)
		case <-ctx.Done():
			return fmt.Errorf("cannot wait for READY=1 at %s: %w", n.path, ctx.Err())
		}
		if ok {
			return nil
		}
	}
}

// Status returns the last STATUS= and its sender, for the caller to judge: a
// backend may have children, and a predecessor.
func (n *Notify) Status() Status {
	if s := n.status.Load(); s != nil {
		return *s
	}
	return Status{}
}

// Close ends a Ready that waits, and removes the file if it is still ours.
// Further calls return what the first returned.
func (n *Notify) Close() error { return n.close() }

func (n *Notify) closeOnce() error {
	// The file goes first: while the socket is open its inode number cannot come
	// to belong to another file.
	var removed error
	if there, err := os.Lstat(n.path); err == nil && os.SameFile(there, n.made) {
		if err := os.Remove(n.path); err != nil {
			removed = fmt.Errorf("cannot remove %s: %w", n.path, bare(err))
		}
	}
	err := errors.Join(removed, n.file.Close())
	<-n.ended
	return err
}
