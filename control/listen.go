package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Fd is the listening descriptor; it stays the server's.
func (s *Server) Fd() int {
	fd := -1
	if raw, err := s.listener.SyscallConn(); err == nil { // File.Fd would make it blocking
		raw.Control(func(n uintptr) { fd = int(n) })
	}
	return fd
}

// goOn takes a listening socket over that is at the path already.
func (s *Server) goOn(fd int) (err error) {
	s.listener = os.NewFile(uintptr(fd), s.path)
	if s.file, err = os.Lstat(s.path); err == nil {
		err = os.Chmod(s.path, s.access.Load().mode())
	}
	return cause(err)
}

func removeStale(path string) error {
	there, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return cause(err)
	}
	if there.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("what is there is no socket (%s); move it away", there.Mode())
	}
	return cause(os.Remove(path))
}

// bind makes the socket with no permissions at all, whatever the umask, and
// gives it its mode only afterwards: it never exists with a mode too wide. The
// calls are made by hand because net.Listen leaves 64 KiB of garbage, from
// reading somaxconn, in a process that has a megabyte.
func (s *Server) bind() error {
	err := s.listen()
	if err != nil {
		return err
	}
	if s.file, err = os.Lstat(s.path); err == nil {
		err = os.Chmod(s.path, s.access.Load().mode())
	}
	if err != nil {
		s.listener.Close()
		return cause(err)
	}
	return nil
}

func (s *Server) listen() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	s.listener = os.NewFile(uintptr(fd), s.path)
	err = unix.Fchmod(fd, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: s.path})
	}
	if err == nil {
		err = unix.Listen(fd, maxWaiting)
	}
	if err != nil {
		s.listener.Close()
	}
	return err
}
