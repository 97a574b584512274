package supervise

import (
	"context"
	"time"
)

// A Socket is one generation's listening socket.
type Socket interface {
	// Generation numbers the sockets of one path, from 1 up.
	Generation() int
	// Publish puts the socket at the public path, over the former one.
	Publish() error
	// Withdraw removes the public path if this socket is there.
	Withdraw() error
	// Queue asks the kernel who waits and who is served.
	Queue() (Queue, error)
	// Close gives the socket up; it lives on in the backends that hold it.
	Close() error
}

// A Queue is what the kernel knows of a listening socket: connections not yet
// accepted, connections accepted and not closed, and how many may wait.
type Queue struct {
	Pending int  `json:"pending"`
	Active  int  `json:"active"`
	Backlog int  `json:"backlog"`
	Shared  bool `json:"-"` // Active counts those of every generation
}

// A Backend is one spawned process with all its descendants.
type Backend interface {
	PID() int
	// Go gives a held shim the word to become the backend.
	Go() error
	// Exited delivers one Exit when the process and every descendant are gone.
	Exited() <-chan Exit
	// Terminate sends the stop signal to the process.
	Terminate() error
	// Pause makes every process of it stand still, and returns when they do;
	// Resume lets them go on.
	Pause() error
	Resume()
	// Abort sends it the signal for a process that hangs.
	Abort() error
	// Kill ends the whole tree.
	Kill() error
	// Pids appends the processes of the tree to buf[:0] and returns it.
	Pids(buf []int) []int
	// Close releases descriptors; called once, after Exited has delivered.
	Close()
}

// An Exit says how a backend ended.
type Exit struct {
	Text    string // "exit status 1", "killed by SIGKILL", "cannot run php-cgi: ..."
	Clean   bool   // exit status 0
	Blocked string // it never ran because a rival does: who
	Killed  bool   // by SIGKILL, or for all that is known
}

// A Reason says why a backend was replaced.
type Reason string

// The reasons that are kept. What is not asked for is crashed or, after an exit
// status 0 of a backend that was up, finished: php-cgi ends so after every 500
// requests.
const (
	Operator  Reason = "operator"
	Memory    Reason = "memory"
	Crashed   Reason = "crashed"
	Finished  Reason = "finished"
	Unhealthy Reason = "unhealthy" // not ready in time, or its answers are not as expected
	Hung      Reason = "hung"
	OOM       Reason = "oom"        // the kernel killed it because there was no memory left
	Adopted   Reason = "adopted"    // a former keepone's, and not wanted for long
	Taken     Reason = "taken over" // somebody else had started it
	Broken    Reason = "socket"     // its listening socket was of no use any more
)

// A Weight is one sample of the backend's memory and what follows from it.
type Weight struct {
	RSS   uint64 // bytes resident, the whole tree
	Swap  uint64 // bytes swapped out
	Soft  bool   // over the soft limit often enough: restart at a quiet moment
	Hard  bool   // over the hard limit: restart now
	Steep bool   // it grows towards the hard limit: look again earlier
	Fits  uint64 // bytes; the limit is too small for this backend, and so much would do; 0 where it is not
}

// Config is the kernel as the loop sees it, and the limits of its patience.
// Ready, Quiet and Drained are called on goroutines of their own, where Log may
// be called, too; they must return promptly when their context ends, for the loop
// waits then. Everything else is called by the loop and must be prompt.
type Config struct {
	Bind  func(generation int) (Socket, error)               // a socket that is not published yet
	Spawn func(s Socket, hold bool) (Backend, error)         // a shim that waits for Go; hold: for long, while another runs
	Check func(context.Context) <-chan error                 // runs before a planned restart; nil for none
	Ready func(context.Context, Socket, Backend) error       // returns when the backend serves
	Quiet func(context.Context, Socket, time.Duration) error // returns at a quiet moment, or after the duration
	// Drained returns when nothing is active or pending any more. When it
	// fails for another reason than the context, the drain lasts its full time.
	Drained   func(context.Context, Socket, Backend) error
	Weigh     func(pids []int, lived time.Duration) Weight
	Mend      func(Socket) error                                         // cures the socket at the public path; what it returns only a new one cures
	Trouble   <-chan struct{}                                            // says that Mend is worth while now; else it is called at every sample
	Stuck     func(s Socket, pids []int) bool                            // asked at every sample of a backend that is up: does it hang; nil for never
	Probe     func(context.Context, Socket, Backend) error               // one request of ours; the error may be ErrBusy
	Excuse    func(Socket) (end func(), gone <-chan struct{}, err error) // answers who waits in the place of a backend, until end; nil for nobody
	LastWords func() string                                              // the end of the backend's output since it was asked for last
	Unready   func() string                                              // what is known of a backend that is not ready in time; nil for nothing
	Changed   func(st Status, now, next Socket)                          // after every move; next is nil unless published
	Starved   func() bool                                                // has the kernel killed anything for want of memory since it was asked last; nil for never
	Pulse     <-chan time.Time                                           // asks whether the loop lives; nil for never
	Alive     func(Status)                                               // is its answer
	Event     func(kind Kind, text string)                               // what is worth remembering; nil where nothing is
	Log       func(format string, args ...any)

	Fixed        bool          // the socket can have no next generation: a restart relies on the stop signal
	Stays        bool          // an init system keeps the socket: its path remains when keepone ends
	Settles      bool          // ready is only assumed: a starting backend may be serving already
	ReadyTimeout time.Duration // how long it may take to serve
	DrainTimeout time.Duration // how long requests in flight may take
	StopTimeout  time.Duration // from the stop signal to SIGKILL
	Patience     time.Duration // how long a planned restart waits for a quiet moment
	SoftPatience time.Duration // how long one over the soft limit does
	HardDrain    time.Duration // what requests in flight get over the hard limit
	LeaveWithin  time.Duration // when keepone leaves: from then to SIGKILL at most, whatever DrainTimeout and StopTimeout say; 0 is as they say
	Limits       [2]uint64     // soft and hard, bytes; here only to see that they are others
	OnlyWarn     bool          // nothing is done about memory
	BackoffLimit time.Duration // the longest wait before another try
	Sample       time.Duration // how often memory is weighed and everything looked at; 0 is only when somebody asks
	ProbeEvery   time.Duration // 0 for never
	Failing      int           // so many probes failed
	FailingOf    int           // of the latest so many, at most 64: the backend is unhealthy
	ExcuseAfter  time.Duration // when nobody has served for so long, Excuse is called for
}

// The fixed times of the loop.
const (
	blockedRetry = time.Second            // how often a blocked spawn is tried again
	firstBackoff = 100 * time.Millisecond // and what lies at least between two spawns
	trusted      = time.Minute            // up this long, a backend's failures are forgotten
	killAgain    = time.Second            // after a SIGKILL that did not end the tree
	leastUp      = time.Second            // that a backend is up, whatever it weighs: samples may come ten times as often
	quickest     = 50 * time.Millisecond  // between two samples of a backend that grows
	calmDown     = time.Minute            // below a memory limit, until passing it is news again
	oftener      = 10                     // so much, then
	grace        = time.Second            // for what happened before a deadline that is seen too late
	leastRest    = 10 * time.Second       // for one of a queue that was left behind to be accepted
	renewPause   = time.Second            // after a broken socket could not be replaced
)
