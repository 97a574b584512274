package output

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

var errStalled = errors.New("nobody takes it")

// stream is a descriptor that this process was given and shares with others: a
// terminal, a pipe or a socket. O_NONBLOCK would be theirs, too, and is not set.
type stream struct {
	loss
	to     int  // the descriptor
	fd     int  // to, or the same thing opened anew without blocking; -1 before reopen
	socket bool // takes MSG_DONTWAIT
	wait   bool // fd blocks: it is asked before each write
	stall  stall
}

// reopen finds out how to write without blocking. What cannot be opened anew,
// for instance another user's pipe, is asked first and given no more than fits
// into an empty buffer, pipe(7); only who writes to it at the same moment can
// then make us wait.
func (s *stream) reopen() {
	s.close()
	var st unix.Stat_t
	if err := unix.Fstat(s.to, &st); err != nil {
		s.fail(err)
		return
	}
	s.fd, s.cause = s.to, nil
	kind := st.Mode & unix.S_IFMT
	s.socket, s.wait = kind == unix.S_IFSOCK, false
	if kind != unix.S_IFIFO && kind != unix.S_IFCHR {
		return
	}
	fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", s.to), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if s.wait = err != nil; err == nil {
		s.fd = fd
	}
}

func (s *stream) close() {
	if s.fd >= 0 && s.fd != s.to {
		unix.Close(s.fd)
	}
	s.fd = -1
}

func (s *stream) flush() {}

func (s *stream) fail(err error) {
	s.cause = fmt.Errorf("cannot write to descriptor %d: %w", s.to, err)
}

func (s *stream) write(b []byte) {
	for len(b) > 0 {
		n, err := s.writePart(b)
		if err == unix.EAGAIN && s.stall.wait(s.fd) || err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			err = errStalled
		}
		if err != nil {
			s.lost += uint64(len(b))
			s.fail(err)
			return
		}
		s.cause = nil
		b = b[n:]
	}
}

const pipeBuf = 4096 // PIPE_BUF, pipe(7)

func (s *stream) writePart(b []byte) (int, error) {
	switch {
	case s.fd < 0:
		return 0, unix.EBADF
	case s.socket:
		return unix.SendmsgN(s.fd, b, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	case s.wait:
		if !s.stall.wait(s.fd) {
			return 0, errStalled
		}
		b = b[:min(len(b), pipeBuf)]
	}
	return unix.Write(s.fd, b)
}
