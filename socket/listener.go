package socket

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// sunPathMax is how long a name in a sockaddr_un may be, its NUL not counted.
const sunPathMax = 107

// Adopt makes a Listener around a listening descriptor got from elsewhere: an
// init system's store, another process. The Listener owns the descriptor from
// then on, unless there is an error. The socket file is found by identity at
// the path or the hidden name; with CAP_NET_ADMIN wherever it is. A TCP socket
// must have the address of o.Path.
func Adopt(o Options, generation, fd int) (*Listener, error) {
	l := &Listener{options: o, generation: generation, fd: fd, file: -1}
	if err := l.family().adopt(l); err != nil {
		if l.file >= 0 {
			_ = unix.Close(l.file)
		}
		return nil, fmt.Errorf("cannot adopt descriptor %d for %s: %w", fd, o.Path, err)
	}
	unix.CloseOnExec(fd)
	return l, nil
}

// A trait is a socket option that must have a value.
type trait struct {
	option, value int
	what          string
}

func (l *Listener) must(have ...trait) error {
	for _, want := range have {
		value, err := unix.GetsockoptInt(l.fd, unix.SOL_SOCKET, want.option)
		if err != nil {
			return err
		}
		if value != want.value {
			return errors.New("it is not " + want.what)
		}
	}
	return nil
}

func (unixFamily) adopt(l *Listener) error {
	err := l.must(trait{unix.SO_DOMAIN, unix.AF_UNIX, "a Unix socket"},
		trait{unix.SO_TYPE, unix.SOCK_STREAM, "a stream socket"},
		trait{unix.SO_ACCEPTCONN, 1, "listening"})
	if err == nil {
		err = l.identify()
	}
	if err == nil {
		l.file = l.find()
		err = l.identify()
	}
	return err
}

// find opens the socket's file, -1 where it cannot be told which it is.
func (l *Listener) find() int {
	if file, err := boundFile(l.fd); err == nil {
		return file
	}
	return l.findByName()
}

// findByName is find without privilege.
func (l *Listener) findByName() int {
	d, err := OpenDiag()
	if err != nil {
		return -1
	}
	defer d.Close()
	r, err := d.exact(uint32(l.sockIno), showVFS)
	if err != nil || !r.bound {
		return -1
	}
	for _, path := range []string{l.options.Path, l.hidden()} {
		file, err := openPath(path)
		if err != nil {
			continue
		}
		if id, err := identityOf(file); err == nil && id == r.file {
			return file
		}
		_ = unix.Close(file)
	}
	return -1
}

// Blocking clears O_NONBLOCK, which all holders of the socket share: one that
// wants it set must not surprise the next backend. It says whether it was set.
func (l *Listener) Blocking() (cleared bool, err error) {
	flags, err := unix.FcntlInt(uintptr(l.fd), unix.F_GETFL, 0)
	if err == nil {
		err = unix.SetNonblock(l.fd, false)
	}
	if err != nil {
		return false, fmt.Errorf("cannot make listening socket %s blocking: %w", l.options.Path, err)
	}
	return flags&unix.O_NONBLOCK != 0, nil
}

// Fit gives a socket that is there already other permissions and another
// backlog, which Relisten then sets. The path stays what it is.
func (l *Listener) Fit(o Options) error {
	o.Path = l.options.Path
	l.options = o
	if l.fd < 0 || l.file < 0 {
		return nil // of a Foreign: it is others' to say; or of TCP, which has no file
	}
	if err := l.own(); err != nil {
		return fmt.Errorf("cannot fit the socket %s: %w", o.Path, err)
	}
	return nil
}

// Relisten sets the backlog again: a backend that calls listen(2) on the
// socket it was given puts its own number, mostly a smaller one.
func (l *Listener) Relisten() error {
	if l.fd < 0 {
		return nil // of a Foreign: it is others' to say
	}
	if isTCP(l.options.Path) && !l.accepting() { // else listen(2) would let it begin anew
		return fmt.Errorf("cannot set the backlog of %s: %w", l.options.Path, ErrShutDown)
	}
	if err := unix.Listen(l.fd, l.options.Backlog); err != nil {
		return fmt.Errorf("cannot set the backlog of %s to %d: %w", l.options.Path, l.options.Backlog, err)
	}
	return nil
}

// Connect makes a non-blocking connection to exactly this generation, whatever
// is at the path by now. The error is EAGAIN when the backlog is full and
// ECONNREFUSED when the socket was shut down. A TCP socket to which connections
// do not come, for another generation was published or it was withdrawn, is
// ErrSuperseded.
func (l *Listener) Connect() (fd int, err error) { return l.family().connect(l) }

func (unixFamily) connect(l *Listener) (fd int, err error) {
	if l.file < 0 {
		return -1, fmt.Errorf("cannot connect to %s: %w", l.options.Path, errNoFile)
	}
	if fd, err = connectTo(l.file); err != nil {
		return -1, fmt.Errorf("cannot connect to %s: %w", l.options.Path, err)
	}
	return fd, nil
}

var errNoFile = errors.New("the file of the adopted socket was not found")

// bindTo binds the socket to path. A path too long for sockaddr_un is reached
// through a descriptor of its directory.
func bindTo(fd int, path string) error {
	if len(path) <= sunPathMax {
		return unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	}
	dir, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	short := fdPath(dir) + "/" + filepath.Base(path)
	if len(short) > sunPathMax {
		return fmt.Errorf("the file name is too long, choose one under 80 bytes: %w", unix.ENAMETOOLONG)
	}
	return unix.Bind(fd, &unix.SockaddrUnix{Name: short})
}

// connectTo connects to the socket file behind an O_PATH descriptor, by the
// link in /proc that leads to the inode and not to a name.
func connectTo(file int) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: fdPath(file)}); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// openPath opens what is at path itself, a symbolic link included, without
// the right to read it.
func openPath(path string) (int, error) {
	return unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

func fdPath(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }
