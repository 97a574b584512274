package socket

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Queue is what a listening socket has at one moment.
type Queue struct {
	Pending  int  // connected, not yet accepted; clients of every network namespace, and those that gave up
	Active   int  // accepted, not yet closed, client still there; clients of this network namespace (any, by TCP)
	Backlog  int  // how many may be pending
	ShutDown bool // shutdown(2) by some holder: it refuses for ever, only a new generation cures it
}

// idle says that nothing is left that this socket could still get answered:
// what is pending on one that was shut down, nobody can accept any more.
func (q Queue) idle() bool { return q.Active == 0 && (q.Pending == 0 || q.ShutDown) }

var errNotListening = errors.New("it is not a listening socket with a file")

// dumpAttempts is how often a dump that was interrupted is asked for.
const dumpAttempts = 4

// Queue asks for the queue of l. It does not allocate.
//
// Pending is asked for before Active: a connection accepted in between is
// counted twice, not missed. A system of several hundred Unix sockets is
// dumped in parts, and a socket may hide when another goes away between two of
// them: believe a zero that comes twice.
// With an error, Pending may be known and Active is not.
//
// By TCP, a client that has closed its end counts as active until the backend
// has closed its own: it may have closed for sending alone.
func (d *Diag) Queue(l *Listener) (Queue, error) { return l.family().queue(d, l) }

func (unixFamily) queue(d *Diag, l *Listener) (Queue, error) {
	r, err := d.exact(uint32(l.sockIno), showVFS|showQueue)
	if err == nil && (r.state != stateListen || !r.hasQueue || !r.bound) {
		err = errNotListening
	}
	if err != nil {
		return Queue{}, fmt.Errorf("cannot ask unix_diag for the queue of %s: %w", l.options.Path, err)
	}
	// Shut down for sending alone, it goes on accepting.
	q := Queue{Pending: int(r.pending), Backlog: int(r.backlog), ShutDown: r.shutdown&shutReceive != 0}
	if q.Active, err = d.active(r.file); err != nil {
		return q, fmt.Errorf("cannot ask unix_diag for the connections of %s: %w", l.options.Path, err)
	}
	return q, nil
}

// active counts the accepted connections of the listening socket bound to
// file. They inherit the file from it; nothing else can have it. After
// interruptions only, it is the largest count: too many only waits longer.
func (d *Diag) active(file identity) (int, error) {
	most := 0
	for range dumpAttempts {
		n := 0
		interrupted, err := d.dump(1<<stateEstablished, showVFS, func(r report) {
			if r.bound && r.file == file && r.ino != 0 && r.shutdown&shutBoth != shutBoth {
				n++
			}
		})
		if err != nil || !interrupted {
			return n, err
		}
		most = max(most, n)
	}
	return most, nil
}

// Accepted says whether the other end of fd, a connection of our own that was
// never shut down, has been accepted. Until then the peer has no inode; it has
// none again once it was closed, which shuts fd down both ways.
func (d *Diag) Accepted(fd int) (bool, error) {
	if domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err == nil && domain != unix.AF_UNIX {
		return d.tcpAccepted(fd)
	}
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	if err == nil {
		var r report
		if r, err = d.exact(uint32(st.Ino), showPeer); err == nil {
			return r.peer != 0 || r.shutdown&shutBoth == shutBoth, nil
		}
	}
	return false, fmt.Errorf("cannot ask unix_diag whether a connection was accepted: %w", err)
}
