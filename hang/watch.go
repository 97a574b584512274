// Package hang tells, without asking it anything, that a backend hangs: clients
// wait, none of them gets on, and the processor is not used.
package hang

import "time"

const (
	// Timers go on in a backend that hangs: in Python they take a seven
	// thousandth of a CPU (socketserver), 2 thousandths (asyncio, ten a second),
	// 3.4 (a hundred a second). Who computes, or reads a large result, uses more.
	idleShare = 100 // burning less than this part of one CPU is burning nothing

	// A window is judged by what was seen all along, not by its two ends.
	fewestLooks = 4                // per timeout
	longestGap  = 30 * time.Second // between two looks, whatever the timeout
)

// A Watch decides whether a backend hangs. It looks at no clock, allocates
// nothing, and belongs to one goroutine.
type Watch struct {
	timeout     time.Duration
	first, last look // of what looks like a hang; first is its beginning
	suspicious  bool // first and last are valid
}

type look struct {
	at      time.Time
	pending int
	set     uint64
	cpu     time.Duration
}

// New returns a Watch that calls a backend hung after timeout; 0 for never.
func New(timeout time.Duration) *Watch { return &Watch{timeout: timeout} }

// SetTimeout changes the timeout. With another one the Watch begins anew: what
// was seen may have been seen too seldom for it.
func (w *Watch) SetTimeout(timeout time.Duration) {
	if timeout != w.timeout {
		w.Reset()
	}
	w.timeout = timeout
}

// Reset forgets what was seen: another backend, or another listening socket.
func (w *Watch) Reset() { w.suspicious = false }

// Observe notes a look at the backend and says whether it hangs. Call it at
// least every eighth of the timeout, and every 15 seconds: after a gap of twice
// that it begins anew, since nobody knows what happened while this process was
// stopped, or its machine.
//
// It hangs when for the whole timeout somebody was pending, pending never
// shrank, set, which stands for the accepted connections, was the same, and cpu,
// the time that the backend has used since some moment, grew by less than a
// hundredth of the timeout. What burned before the connections stopped does
// not count for ever: a hang is seen after twice the timeout at the latest.
// With nothing pending, set and cpu do not matter.
//
// It is said once; for a hang that lasts, again after another timeout.
func (w *Watch) Observe(now time.Time, pending int, set uint64, cpu time.Duration) (hung bool) {
	if pending <= 0 || w.timeout <= 0 {
		w.Reset()
		return false
	}
	l := look{now, pending, set, cpu}
	begins := !w.suspicious || w.alive(l)
	hung = !begins && now.Sub(w.first.at) >= w.timeout
	if begins || hung {
		w.first = l
	}
	w.last, w.suspicious = l, true
	return hung
}

// alive says that since the last look something moved, or nobody was looking.
func (w *Watch) alive(l look) bool {
	gap, burned := l.at.Sub(w.last.at), l.cpu-w.first.cpu
	return gap < 0 || gap > min(w.timeout/fewestLooks, longestGap) ||
		l.pending < w.last.pending || l.set != w.last.set ||
		burned < 0 || burned >= w.timeout/idleShare
}
