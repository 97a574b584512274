package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// exchange reads the request of one connection, answers it and ends it.
func (s *Server) exchange(ctx context.Context, conn *os.File, p peer) {
	defer conn.Close()
	r, err := s.receive(ctx, conn)
	switch {
	case err != nil:
		s.send(conn, Answer{Error: fmt.Sprintf("cannot read the request: %v", err)})
	case s.needsOperate(r.Op) && !p.mayOperate(*s.access.Load()):
		s.send(conn, Answer{
			Error: fmt.Sprintf("cannot %s: uid %d is not allowed", r.Op, p.uid),
			Hint:  "use sudo, or add the user to control.operate in the configuration",
		})
	default:
		r.PID = p.pid
		s.send(conn, s.attend(ctx, conn, r))
	}
}

// receive reads the request, for lineTime at most or until the server closes.
func (s *Server) receive(ctx context.Context, conn *os.File) (Request, error) {
	conn.SetReadDeadline(time.Now().Add(s.lineTime))
	// Only after the deadline is set, lest it undoes the wake-up.
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(longAgo) })()
	line, err := readLine(conn, maxRequest)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil:
		return Request{}, errors.New("keepone is ending")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Request{}, fmt.Errorf("no whole line came within %s", s.lineTime)
	case err != nil:
		return Request{}, cause(err)
	}
	return parse(line)
}

// attend runs the answer function with a context that ends when the client hangs
// up. A client that closes only its writing half is still there.
func (s *Server) attend(ctx context.Context, conn *os.File, r Request) Answer {
	raw, err := conn.SyscallConn()
	if err != nil {
		return Answer{Error: fmt.Sprintf("cannot answer: %v", err)}
	}
	conn.SetReadDeadline(time.Time{})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if raw.Read(hungUp) == nil {
			cancel()
		}
	}()
	a := s.answer(ctx, r)
	conn.SetReadDeadline(longAgo)
	<-watched
	return a
}

// hungUp reports whether the peer has closed its socket altogether. It reads
// nothing, so that a peer which goes on writing stops at a full buffer and costs
// nobody anything. The poller wakes us for each change, a hang-up included.
func hungUp(fd uintptr) bool {
	p := []unix.PollFd{{Fd: int32(fd)}} // POLLHUP and POLLERR need not be asked for
	for {
		n, err := unix.Poll(p, 0)
		if err != unix.EINTR { // a signal counts even where nothing waits
			return n > 0
		}
	}
}

func (s *Server) refuse(conn *os.File, a Answer) {
	s.send(conn, a)
	conn.Close()
}

// send writes one line. A client that does not take it has gone or is its own
// enemy: there is nobody to tell.
func (s *Server) send(conn *os.File, a Answer) {
	line, err := json.Marshal(a) // compacts Body, so that it stays one line
	if err != nil {
		line, _ = json.Marshal(Answer{Error: fmt.Sprintf("cannot answer: %v", err)})
	}
	conn.SetWriteDeadline(time.Now().Add(s.writeTime))
	conn.Write(append(line, '\n'))
}
