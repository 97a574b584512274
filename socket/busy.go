package socket

import "fmt"

// Busy is what a backend has before it at one moment, for comparing with a
// later one: == says that nothing was seen to happen in between.
type Busy struct {
	Pending  int    // as in Queue
	Accepted int    // accepted and not yet closed by the backend, its client there or not; 0 while nothing is pending
	Set      uint64 // which ones, in no order; 0 while nothing is pending
}

// Busy asks who waits at l and, where somebody does, whom the backend has
// accepted. It does not allocate.
//
// Only the backend changes Set, by accept(2) and close(2): a client that gives
// up does not, unlike in Queue.Active. Each connection has an inode that comes
// again after four thousand million others, so one closed and another accepted
// shows. Not seen are: a connection accepted and closed between two questions,
// unless Pending tells; work for a connection that stays, such as one kept
// alive; whoever was accepted from another network namespace. A dump that was
// incomplete, as told at Queue, looks like a change. By TCP, clients of other
// network namespaces are seen.
func (d *Diag) Busy(l *Listener) (Busy, error) { return l.family().busy(d, l) }

func (unixFamily) busy(d *Diag, l *Listener) (Busy, error) {
	r, err := d.exact(uint32(l.sockIno), showVFS|showQueue)
	if err == nil && (r.state != stateListen || !r.hasQueue || !r.bound) {
		err = errNotListening
	}
	b := Busy{Pending: int(r.pending)}
	if err == nil && b.Pending > 0 {
		b.Accepted, b.Set, err = d.accepted(r.file)
	}
	if err != nil {
		return Busy{}, fmt.Errorf("cannot ask unix_diag what %s is busy with: %w", l.options.Path, err)
	}
	return b, nil
}

// accepted counts and sums up the accepted connections of the listening socket
// bound to file. After interruptions only, the last dump stands.
func (d *Diag) accepted(file identity) (n int, set uint64, err error) {
	for range dumpAttempts {
		n, set = 0, 0
		interrupted, err := d.dump(1<<stateEstablished, showVFS, func(r report) {
			if r.bound && r.file == file && r.ino != 0 {
				n++
				set += spread(r.ino)
			}
		})
		if err != nil || !interrupted {
			return n, set, err
		}
	}
	return n, set, nil
}

// spread gives every inode a number of its own, without the order of inodes:
// plain ones, which come one after the other, often have the sum of others. Two
// sets that differ in one connection always have different sums, others but for
// one chance in 2^64.
func spread(ino uint32) uint64 {
	const odd = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	x := uint64(ino) * odd
	x ^= x >> 32
	x *= odd
	x ^= x >> 29
	return x * odd
}
