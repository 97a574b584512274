package supervise

import "time"

// Status is a copy of what the loop knows.
type Status struct {
	State      State     // where the backend is
	Since      time.Time // when it came there
	Why        string    // what led there, for people
	Until      time.Time // when the state's deadline passes; zero for never
	PID        int       // the backend's process; 0 for none
	Started    time.Time // when it was spawned
	Adopted    bool      // by a former keepone
	RSS        uint64    // bytes resident at the last sample, the whole tree
	Peak       uint64    // the largest such sample of this backend
	Swap       uint64    // bytes swapped out at the last sample
	Fits       uint64    // bytes; the memory limit is too small, and so much would do; 0 where it is not
	Over       bool      // a limit is passed, and only told
	Postponed  string    // why a restart for memory was given up; empty when none is due
	Samples    uint64    // samples taken since keepone started
	Generation int       // of the backend's socket
	Next       int       // generation that new requests wait at while it differs; else 0
	NextPID    int       // the shim that holds it; 0 for none
	Leaving    bool      // keepone stops: no operator asked for the backend's end
	Preparing  bool      // a planned restart is being checked or waits for a quiet moment
	Restarts   int       // since keepone started
	Last       Restart   // the latest of them
	LastExit   string    // how the former backend ended
	LastWords  string    // what it said before it ended unasked
	Failures   int       // in a row; what the backoff grows with
	Health     string    // what the latest failed probe of this backend got; empty when the latest did not fail
	Renewed    int       // generations that replaced a broken socket
	Excusing   bool      // somebody answers in the place of a backend
	HighWater  int       // the most connections pending at any sample
	Cut        int       // connections still open when the latest drain ended at its deadline
	Queue      Queue     // of all generations together; only from Supervisor.Status
}

// A Restart is one replacement of a backend by the next.
type Restart struct {
	Reason Reason
	Exit   string // how the former backend ended
	At     time.Time
}

// publish hands a copy of the status out.
func (s *Supervisor) publish() { s.cfg.Changed(s.snapshot(), s.now.socket, s.next.socket) }

func (s *Supervisor) snapshot() Status {
	st := s.status
	st.Preparing, st.Leaving = s.preparing != nil, s.leaving
	if s.next.socket != nil {
		st.Next = s.next.socket.Generation()
	}
	if s.next.backend != nil {
		st.NextPID = s.next.backend.PID()
	}
	return st
}
