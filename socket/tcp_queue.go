package socket

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What a backend has accepted and not closed has an inode; what is pending has
// none, nor what goes on without it after close(2). The states tell no more:
// what is pending may be in CLOSE_WAIT, a client that gave up.
const (
	// tcpActive are the states in which one end may still have to say something.
	tcpActive = 1<<stateEstablished | 1<<stateCloseWait | 1<<stateFinWait1 | 1<<stateFinWait2
	// tcpOpen are those of every connection that somebody holds.
	tcpOpen = tcpActive | 1<<stateLastAck | 1<<stateClosing
)

// tcpOthers are the inodes of some listening sockets; more than that many are
// too many anyway.
type tcpOthers struct {
	ino [8]uint32
	n   int
}

func (o *tcpOthers) add(ino uint32) {
	if o.n < len(o.ino) {
		o.ino[o.n] = ino
		o.n++
	}
}

func (o *tcpOthers) all() []uint32 { return o.ino[:o.n] }

// listenersAt are those that may get a connection meant for a.
func (d *Diag) listenersAt(a tcpAddress) (o tcpOthers, err error) {
	_, err = d.listenersTCP(a, 0, &o)
	return o, err
}

// besides are those that may get a connection meant for l.
func (d *Diag) besides(l *Listener) (o tcpOthers, err error) {
	_, err = d.listenersTCP(l.at, uint32(l.sockIno), &o)
	return o, err
}

// listenersTCP looks at who listens at a: the one of that inode, whose state is
// 0 where there is none, and others that are visible.
func (d *Diag) listenersTCP(a tcpAddress, ino uint32, others *tcpOthers) (own tcpReport, err error) {
	for _, family := range [...]uint8{unix.AF_INET, unix.AF_INET6} {
		err = d.tcpDump(family, a.port, 1<<stateListen, func(r tcpReport) {
			switch {
			case r.ino == ino && ino != 0:
				own = r
			case r.device != hiddenDevice && a.meets(r):
				others.add(r.ino)
			}
		})
		if err != nil {
			return own, fmt.Errorf("cannot ask inet_diag who listens at port %d: %w", a.port, err)
		}
	}
	return own, nil
}

// listenerTCP is l as the kernel sees it; ENOENT where it does not listen.
func (d *Diag) listenerTCP(l *Listener) (own tcpReport, err error) {
	err = d.tcpDump(l.at.family, l.at.port, 1<<stateListen, func(r tcpReport) {
		if r.ino == uint32(l.sockIno) {
			own = r
		}
	})
	if err == nil && own.state != stateListen {
		err = unix.ENOENT
	}
	return own, err
}

// queue asks once: those that listen come first, so that a connection accepted
// meanwhile is counted twice, not missed.
//
// All connections of the address count, whichever generation they came to: only
// one backend ever accepts. That is not so for a process of a former backend
// that was not ended with it, and for whoever else listens there.
//
// Before l is published nobody can wait there, and whoever is connected is a
// rival's.
func (tcpFamily) queue(d *Diag, l *Listener) (Queue, error) {
	if !l.listens && l.fd >= 0 {
		return Queue{Backlog: l.options.Backlog}, nil
	}
	var q Queue
	found := false
	err := d.tcpDump(l.at.family, l.at.port, 1<<stateListen|tcpActive, func(r tcpReport) {
		switch {
		case r.state != stateListen:
			if r.ino != 0 && l.at.has(r) {
				q.Active++
			}
		case r.ino == uint32(l.sockIno):
			found = true
			q.Pending, q.Backlog = int(r.pending), int(r.backlog)
		}
	})
	switch {
	case err != nil || found:
	case l.fd < 0:
		err = unix.ENOENT
	case l.accepting():
		err = errNotSeen
	default:
		q.ShutDown = true
	}
	if err != nil {
		return Queue{}, fmt.Errorf("cannot ask inet_diag for the queue of %s: %w", l.options.Path, err)
	}
	return q, nil
}

func (tcpFamily) busy(d *Diag, l *Listener) (b Busy, err error) {
	r, err := d.listenerTCP(l)
	if b.Pending = int(r.pending); err == nil && b.Pending > 0 {
		err = d.tcpDump(l.at.family, l.at.port, tcpOpen, func(r tcpReport) {
			if r.ino != 0 && l.at.has(r) {
				b.Accepted++
				b.Set += spread(r.ino)
			}
		})
	}
	if err != nil {
		return Busy{}, fmt.Errorf("cannot ask inet_diag what %s is busy with: %w", l.options.Path, err)
	}
	return b, nil
}

// handshakeWait is how long a drain waits for handshakes: one that takes longer
// lost a packet, or its client will not end it.
const handshakeWait = time.Second

// remainder counts handshakes as pending when nothing else is left. One that
// began before the socket was hidden ends there; which ones did cannot be told.
func (tcpFamily) remainder(d *Diag, l *Listener) func() (Queue, error) {
	var since time.Time
	return func() (Queue, error) {
		q, err := d.Queue(l)
		if err != nil || !q.idle() || q.ShutDown {
			return q, err
		}
		if since.IsZero() {
			since = time.Now()
		}
		if time.Since(since) < handshakeWait {
			err = d.tcpDump(l.at.family, l.at.port, 1<<stateSynReceived, func(r tcpReport) {
				if l.at.has(r) {
					q.Pending++
				}
			})
		}
		return q, err
	}
}

// tcpAccepted asks for the other end of our connection. Where that has closed
// it, ours has heard so.
func (d *Diag) tcpAccepted(fd int) (bool, error) {
	state, err := tcpState(fd)
	if err == nil && state == stateEstablished {
		var here, there tcpEnd
		var family uint8
		if family, here, err = nameOf(unix.SYS_GETSOCKNAME, fd); err == nil {
			if _, there, err = nameOf(unix.SYS_GETPEERNAME, fd); err == nil {
				var r tcpReport
				r, err = d.tcpExact(family, there, here)
				if err == nil {
					return r.ino != 0 || r.state == stateFinWait1 || r.state == stateFinWait2, nil
				}
			}
		}
	}
	if err != nil {
		return false, fmt.Errorf("cannot ask inet_diag whether a connection was accepted: %w", err)
	}
	return state == stateCloseWait || state == stateClose, nil
}

// tcpState is the first byte of struct tcp_info, tcp(7).
func tcpState(fd int) (state uint8, err error) {
	n := uint32(1)
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(&state)), uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 {
		return 0, errno
	}
	return state, nil
}
