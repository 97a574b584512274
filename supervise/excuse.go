package supervise

import (
	"context"
	"slices"
	"time"
)

// An excuse is a process that answers those who wait at one socket, in the
// place of a backend.
type excuse struct {
	generation int
	end        func()
	gone       <-chan struct{} // closed when it has ended
}

func (e excuse) over() bool {
	select {
	case <-e.gone:
		return true
	default:
		return false
	}
}

// serving follows whether a backend lives, for those who wait for one.
func (s *Supervisor) serving(to State) {
	switch to {
	case Up:
		s.unserved = time.Time{}
	case Down, Blocked, Backoff:
		if s.unserved.IsZero() {
			s.unserved = time.Now()
		}
		return
	}
	s.endExcuses() // a backend comes, or is there
}

// endExcuses lets nobody be taken any more from the backend that comes.
func (s *Supervisor) endExcuses() {
	for _, e := range s.excuses {
		e.end()
		s.ending = append(s.ending, e.gone)
	}
	s.excuses, s.status.Excusing = nil, false
}

// afterExcuses waits for those who answered to be gone, then for the backend:
// else a connection that they took would look like one that it took.
func (s *Supervisor) afterExcuses() func(context.Context, Socket, Backend) error {
	ending := s.ending
	s.ending = nil
	return func(ctx context.Context, sock Socket, b Backend) error {
		for _, gone := range ending {
			select {
			case <-gone:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return s.cfg.Ready(ctx, sock, b)
	}
}

// excuse lets somebody answer those who wait when no backend has served for
// long, and none is coming this moment. After an operator's stop nobody is
// expected soon, so there is no waiting, unless it was for a while only.
func (s *Supervisor) excuse() {
	s.excuses = slices.DeleteFunc(s.excuses, excuse.over)
	s.status.Excusing = len(s.excuses) > 0
	st := s.status.State
	if s.cfg.Excuse == nil || s.leaving || st != Down && st != Blocked && st != Backoff {
		return
	}
	if (st != Down || s.lent) && time.Since(s.unserved) < s.cfg.ExcuseAfter {
		return
	}
	s.excuseAt(s.now.socket)
	if s.next.socket != nil {
		s.excuseAt(s.next.socket)
	}
}

// excuseAt starts one where somebody waits and nobody answers yet.
func (s *Supervisor) excuseAt(sock Socket) {
	answered := func(e excuse) bool { return e.generation == sock.Generation() }
	if slices.ContainsFunc(s.excuses, answered) {
		return
	}
	if q, err := sock.Queue(); err != nil || q.Pending == 0 {
		return
	}
	end, gone, err := s.cfg.Excuse(sock)
	if err != nil {
		s.cfg.Log("cannot answer in the place of the backend: %v", err)
		return
	}
	s.excuses = append(s.excuses, excuse{sock.Generation(), end, gone})
	s.status.Excusing = true
	s.publish()
}
