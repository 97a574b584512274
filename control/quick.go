package control

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A monitor asks for the status every few seconds, for ever. The usual way of
// answering leaves some kilobytes of garbage each time; the collections that
// follow would cost a small resident a megabyte for good. So the one question
// that Ask sends for a status is recognised by its bytes and answered on the
// spot, without garbage. Every other request takes the usual way.
const (
	quickLine = `{"op":"status"}` + "\n"
	quickWait = 5 // milliseconds
)

// A Quick appends the whole answer to a status question to buf: one line, its
// newline included. It is called from one goroutine.
type Quick func(buf []byte) []byte

type quick struct {
	answer Quick
	asked  [len(quickLine) + 1]byte
	buf    []byte
	poll   [1]unix.PollFd
	cred   unix.Ucred
	size   uint32 // of cred

	take func(listening uintptr) bool // accept4(2) into the two below
	fd   uintptr
	err  syscall.Errno
}

func newQuick(answer Quick) *quick {
	q := &quick{answer: answer}
	q.take = func(listening uintptr) bool {
		q.fd, _, q.err = unix.Syscall6(unix.SYS_ACCEPT4, listening, 0, 0, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0, 0)
		return q.err != unix.EAGAIN
	}
	return q
}

// accept waits for a connection and answers it when it is a quick one. It
// returns one that is not, or nil and nil.
func (s *Server) accept(raw syscall.RawConn, q *quick) (*os.File, error) {
	fd, err := q.accept(raw)
	if err != nil {
		return nil, err
	}
	if q.answer != nil && s.isQuick(fd, q) {
		q.buf = q.answer(q.buf[:0])
		unix.Sendto(fd, q.buf, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil) // fits into the buffer of a new socket
		return nil, unix.Close(fd)
	}
	return os.NewFile(uintptr(fd), "control connection"), nil
}

// accept waits in Go's poller. The peer's address is not asked for: it has no
// name anyway.
func (q *quick) accept(raw syscall.RawConn) (int, error) {
	if raw.Read(q.take) != nil { // the poller has nothing else to say
		return -1, os.ErrClosed
	}
	if q.err != 0 {
		return -1, q.err
	}
	return int(q.fd), nil
}

// peer is GetsockoptUcred without garbage: SO_PEERCRED of unix(7).
func (q *quick) peer(fd int) (uid uint32, ok bool) {
	q.size = unix.SizeofUcred
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERCRED,
		uintptr(unsafe.Pointer(&q.cred)), uintptr(unsafe.Pointer(&q.size)), 0)
	return q.cred.Uid, errno == 0
}

// isQuick looks at what has come, and takes it only when it is exactly the one
// question, from somebody who may ask anything. Such a one is waited for a
// moment: accept(2) is often faster than the client's next call.
func (s *Server) isQuick(fd int, q *quick) bool {
	uid, ok := q.peer(fd)
	if !ok || uid != 0 && int(uid) != s.self {
		return false
	}
	q.poll[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	unix.Poll(q.poll[:], quickWait)
	for _, flags := range []uintptr{unix.MSG_PEEK | unix.MSG_DONTWAIT, unix.MSG_DONTWAIT} {
		n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&q.asked[0])), uintptr(len(q.asked)), flags, 0, 0)
		if errno != 0 || string(q.asked[:n]) != quickLine {
			return false
		}
	}
	return true
}
