package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// At most shared+reserved requests are under way at once. The reserved places
// are for root and keepone's own user: nobody who was merely granted access can
// lock the operator out by sitting on connections.
const (
	shared   = 48
	reserved = 16

	maxWaiting = 128 // connections before accept(2); at most somaxconn
)

// Server listens on the control socket. Make one with Listen, run Serve once.
type Server struct {
	path     string
	file     fs.FileInfo            // the socket file as we made it
	listener *os.File               // net.UnixListener offers no accept without garbage
	access   atomic.Pointer[Access] // replaced as a whole
	self     int
	close    func() error

	shared, reserved chan struct{} // one token per request under way
	lineTime         time.Duration // in which the whole request must arrive
	writeTime        time.Duration // in which the whole answer must leave

	needsOperate func(op string) bool
	answer       func(ctx context.Context, r Request) Answer
}

// Listen makes the control socket at path, or goes on with the one that the
// process has as descriptor inherited, unless that is negative. It replaces a stale one: the caller
// holds keepone's lock, so no other keepone can be listening there. Anything else
// than a socket at path is an error. The file has mode 0600 when a grants
// nothing, else 0666: who may ask is then a matter of credentials alone.
func Listen(path string, a Access, inherited int) (*Server, error) {
	s := &Server{
		path: path, self: os.Geteuid(),
		shared: make(chan struct{}, shared), reserved: make(chan struct{}, reserved),
		lineTime: 2 * time.Second, writeTime: 2 * time.Second,
	}
	s.access.Store(&a)
	s.close = sync.OnceValue(s.closeOnce)
	err := fits(path)
	switch {
	case err != nil:
	case inherited >= 0:
		err = s.goOn(inherited)
	default:
		if err = removeStale(path); err == nil {
			err = s.bind()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen at %s: %w", path, err)
	}
	return s, nil
}

// SetAccess replaces who may ask, from the next connection on. It may be called
// from any goroutine.
func (s *Server) SetAccess(a Access) error {
	s.access.Store(&a)
	there, err := os.Lstat(s.path)
	if err != nil || !os.SameFile(there, s.file) {
		return fmt.Errorf("cannot set who may ask at %s: it is not our socket any more", s.path)
	}
	if err := os.Chmod(s.path, a.mode()); err != nil {
		return fmt.Errorf("cannot set who may ask at %s: %w", s.path, cause(err))
	}
	return nil
}

// UnderWay is how many requests are not answered yet.
func (s *Server) UnderWay() int { return len(s.shared) + len(s.reserved) }

// Close ends the server and removes the socket file if it is still ours. Requests
// under way see their context end; Serve returns after the last of them. Further
// calls return what the first returned.
func (s *Server) Close() error { return s.close() }

func (s *Server) closeOnce() error {
	// The file goes first: while the socket is open its inode number cannot come
	// to belong to another file.
	var removed error
	if there, err := os.Lstat(s.path); err == nil && os.SameFile(there, s.file) {
		if err := os.Remove(s.path); err != nil {
			removed = fmt.Errorf("cannot remove %s: %w", s.path, cause(err))
		}
	}
	return errors.Join(removed, s.listener.Close())
}

// Serve answers requests until ctx ends or Close is called, then closes the
// server, waits for the requests under way and returns nil. An error means that
// the socket is of no use any more; the caller may Listen again.
//
// needsOperate tells whether op changes anything. answer is called on a goroutine
// of the request; its ctx ends when the client hangs up or the server closes.
// status, where it is not nil, answers plain status questions instead.
func (s *Server) Serve(ctx context.Context, needsOperate func(op string) bool, answer func(ctx context.Context, r Request) Answer, status Quick) error {
	s.needsOperate, s.answer = needsOperate, answer
	raw, err := s.listener.SyscallConn()
	if err != nil {
		return fmt.Errorf("cannot accept at %s: %w", s.path, cause(err))
	}
	q := newQuick(status)
	ctx, cancel := context.WithCancel(ctx)
	var underWay sync.WaitGroup
	defer underWay.Wait()
	defer s.Close()
	defer cancel()
	defer context.AfterFunc(ctx, func() { s.Close() })()
	backoff := time.Duration(0)
	for {
		conn, err := s.accept(raw, q)
		switch {
		case err == nil && conn == nil: // answered
		case err == nil:
			backoff = 0
			s.admit(ctx, conn, &underWay)
		case errors.Is(err, os.ErrClosed):
			return nil
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EBADF), errors.Is(err, unix.ENOTSOCK):
			return fmt.Errorf("cannot accept at %s: %w", s.path, cause(err))
		default: // EMFILE, ENFILE, ENOMEM...: it passes, and trying again costs nothing
			backoff = min(max(2*backoff, 5*time.Millisecond), time.Second)
			select {
			case <-time.After(backoff):
			case <-ctx.Done():
			}
		}
	}
}

// admit decides on a new connection without reading from it, and without ever
// waiting for it: what a refusal writes fits into the buffer of a new socket.
func (s *Server) admit(ctx context.Context, conn *os.File, underWay *sync.WaitGroup) {
	p, err := peerOf(conn, s.self)
	if err != nil {
		s.refuse(conn, Answer{Error: fmt.Sprintf("cannot tell who asks: %v", err)})
		return
	}
	if !p.mayRead(*s.access.Load()) {
		s.refuse(conn, Answer{
			Error: fmt.Sprintf("cannot answer: uid %d is not allowed", p.uid),
			Hint:  "use sudo, or add the user to control.read or control.operate in the configuration",
		})
		return
	}
	place := s.place(p)
	if place == nil {
		n := shared
		if p.trusted {
			n += reserved
		}
		s.refuse(conn, Answer{Error: fmt.Sprintf("cannot answer: %d requests are under way", n), Hint: "try again in a moment"})
		return
	}
	underWay.Go(func() {
		defer func() { <-place }()
		s.exchange(ctx, conn, p)
	})
}

// place takes a place for a request of p, nil where none is left. Receiving from
// what it returns gives the place back.
func (s *Server) place(p peer) chan struct{} {
	select {
	case s.shared <- struct{}{}:
		return s.shared
	default:
	}
	if !p.trusted {
		return nil
	}
	select {
	case s.reserved <- struct{}{}:
		return s.reserved
	default:
		return nil
	}
}
