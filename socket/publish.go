// Package socket makes, publishes and measures the listening socket in front of
// the backend, a Unix socket or a TCP one. It never accepts, reads or writes a
// request.
//
// A generation is one listening socket together with the backend that serves
// it. Bind makes it under a hidden name beside its path; Publish puts it at
// the path in place of the former, so that a client finds the one or the other
// and never nothing. The former one drains (Drained) while new connections
// wait in the backlog of the next.
//
// Whoever shares the listening socket or may write its directory can break it.
// Mend looks, mends what it can, and says what only another generation or the
// operator can; Watch says when to look at once.
//
// A socket file is known by device and inode, never by name: the name a
// socket was bound to sticks to it (unix(7)) and anybody may bind one that
// looks like it. A TCP socket has no file; how its generations replace each
// other stands in tcp.go.
package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A Listener is one generation's listening socket. One goroutine owns it.
type Listener struct {
	options    Options
	generation int
	fd         int    // the listening socket, blocking, close-on-exec
	file       int    // O_PATH on the socket file, or -1: reaches it under any name or none
	dev, ino   uint64 // of the socket file; file keeps the inode from being used again
	sockIno    uint64
	upkeep     upkeep
	at         tcpAddress // of a TCP socket
	bound      bool       // of a TCP socket: it has its address
	listens    bool       // of a TCP socket: it was published, or came so
}

// Bind makes the listening socket of a generation beside o.Path under its
// hidden name, .NAME.gGENERATION, where it already takes connections. A dead
// socket left at that name or another generation's is removed; a live one at
// that name is an *InUseError.
//
// A TCP socket has its address from then on, and takes connections from Publish
// on. Whoever else is bound there and does not share is an *InUseError.
func Bind(o Options, generation int) (*Listener, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	l := &Listener{options: o, generation: generation, fd: -1, file: -1}
	if err := l.family().bind(l); err != nil {
		_ = l.Close() // the cause is what counts
		return nil, err
	}
	return l, nil
}

func (unixFamily) bind(l *Listener) error {
	if err := vacate(l.hidden(), nil); err != nil {
		return err
	}
	if err := os.Remove(l.hidden()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove dead socket: %w", err)
	}
	l.sweep()
	if err := l.make(); err != nil {
		return fmt.Errorf("cannot make listening socket %s: %w", l.hidden(), err)
	}
	return nil
}

// make takes the steps in the one order that never shows a wrong mode: the
// file inherits the mode of the unbound socket (0 here, so the umask has
// nothing to take away) and nobody can connect until chmod, nor before listen.
func (l *Listener) make() (err error) {
	if l.fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err = unix.Fchmod(l.fd, 0); err != nil {
		return fmt.Errorf("fchmod: %w", err)
	}
	if err = bindTo(l.fd, l.hidden()); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if l.file, err = openPath(l.hidden()); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if err = l.identify(); err != nil {
		return err
	}
	if err = l.own(); err != nil {
		return err
	}
	if err = unix.Listen(l.fd, l.options.Backlog); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return nil
}

// own sets owner and mode through the descriptor: whoever else may write the
// directory cannot put another file in between.
func (l *Listener) own() error {
	o := l.options
	if o.UID >= 0 || o.GID >= 0 {
		if err := unix.Fchownat(l.file, "", o.UID, o.GID, unix.AT_EMPTY_PATH); err != nil {
			return fmt.Errorf("give it to user %d and group %d (only root may give files away): %w", o.UID, o.GID, err)
		}
	}
	if err := unix.Chmod(fdPath(l.file), uint32(o.Mode.Perm())); err != nil {
		return fmt.Errorf("chmod: %w", err)
	}
	return nil
}

// identify records what the descriptors stand for.
func (l *Listener) identify() error {
	var st unix.Stat_t
	if err := unix.Fstat(l.fd, &st); err != nil {
		return fmt.Errorf("fstat: %w", err)
	}
	l.sockIno = st.Ino
	if l.file < 0 {
		return nil
	}
	if err := unix.Fstat(l.file, &st); err != nil {
		return fmt.Errorf("fstat: %w", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return errors.New("somebody replaced it in the same moment: nobody else may write its directory")
	}
	l.dev, l.ino = st.Dev, st.Ino
	return nil
}

// Publish puts the socket at its path; the hidden name stays as a second one,
// from which Mend can put the path back. There must be nothing, a dead socket,
// or a live one that this process or one of the processes ours holds (a former
// generation); else nothing changes and the error says what is there, an
// *InUseError where it is a live socket of somebody else.
//
// Where the file system or the kernel refuses a second name, the hidden one is
// renamed over the path: then nothing can put the path back.
//
// A TCP socket takes every connection from then on, the former generation none.
func (l *Listener) Publish(ours ...int) error {
	return l.family().publish(l, append([]int{os.Getpid()}, ours...))
}

func (unixFamily) publish(l *Listener, ours []int) error {
	inTheWay, err := l.place(l.options.Path, ours)
	if err != nil {
		inTheWay, err = l.move(ours)
	}
	if inTheWay != nil {
		return inTheWay
	}
	if err != nil {
		return fmt.Errorf("cannot publish listening socket: %w", err)
	}
	l.upkeep.alone = false // worth another try: what refused it may have been a full disk
	return nil
}

// move renames the hidden name to the path, where place cannot link it.
func (l *Listener) move(ours []int) (inTheWay, err error) {
	if inTheWay = vacate(l.options.Path, ours); inTheWay != nil {
		return inTheWay, nil
	}
	return nil, os.Rename(l.hidden(), l.options.Path)
}

// Published says whether the file at the path is this very socket; of a TCP
// socket, whether connections come to it.
func (l *Listener) Published() bool { return l.family().published(l) }

func (unixFamily) published(l *Listener) bool { return l.isAt(l.options.Path) }

// Withdraw unlinks the path, if the file there is this very socket; where it
// is gone or another's, it stays so. Dead generations' names beside it go, too.
// A TCP socket takes no further connection; who waits there can be accepted.
func (l *Listener) Withdraw() error { return l.family().withdraw(l) }

func (unixFamily) withdraw(l *Listener) error {
	l.sweep()
	return l.unlink(l.options.Path)
}

// Close closes the listening socket, which refuses the connections that wait
// unless another process holds it too, and removes its hidden name. The path
// stays. Closing twice is harmless.
func (l *Listener) Close() error {
	err := errors.Join(l.unlink(l.hidden()), l.unlink(l.temporary())) // a TCP socket has no file
	if l.fd >= 0 {
		if cause := unix.Close(l.fd); cause != nil && err == nil {
			err = fmt.Errorf("cannot close listening socket %s: %w", l.options.Path, cause)
		}
	}
	if l.file >= 0 {
		_ = unix.Close(l.file) // O_PATH: nothing can fail
	}
	l.fd, l.file = -1, -1
	return err
}

func (l *Listener) isAt(path string) bool {
	var st unix.Stat_t
	return l.file >= 0 && unix.Lstat(path, &st) == nil && st.Dev == l.dev && st.Ino == l.ino
}

func (l *Listener) unlink(path string) error {
	if !l.isAt(path) {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot withdraw listening socket: %w", err)
	}
	return nil
}

// Fd is the listening socket's descriptor. The Listener keeps it: an os.File
// made of it would close it, so duplicate it first.
func (l *Listener) Fd() int { return l.fd }

// Generation is the number given to Bind or Adopt.
func (l *Listener) Generation() int { return l.generation }

// SockIno is the inode of the socket itself, as in the socket:[INODE] of
// /proc/PID/fd and in unix_diag; not that of the file.
func (l *Listener) SockIno() uint64 { return l.sockIno }

// File is device and inode of the socket file as stat(2) says them; zero
// where Adopt could not find the file.
func (l *Listener) File() (dev, ino uint64) { return l.dev, l.ino }

func (l *Listener) hidden() string {
	dir, name := filepath.Split(l.options.Path)
	return fmt.Sprintf("%s.%s.g%d", dir, name, l.generation)
}
