package socket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// From linux/unix_diag.h, linux/sock_diag.h and net/tcp_states.h; see
// sock_diag(7).
const (
	diagByFamily = 20

	showVFS   = 0x02
	showPeer  = 0x04
	showQueue = 0x10

	attrVFS      = 1
	attrPeer     = 2
	attrQueue    = 4
	attrShutdown = 6 // always there

	stateEstablished = 1
	stateClose       = 7 // also: bound and not (yet) listening
	stateListen      = 10
	anyState         = ^uint32(0)

	shutReceive = 1
	shutBoth    = 3
)

const (
	headerLen  = unix.NLMSG_HDRLEN
	requestLen = headerLen + 24
	reportLen  = 16 // struct unix_diag_msg, before its attributes
)

// identity is a socket file as the kernel itself names it: 32 bits each, the
// device that of the file system, which on btrfs and overlayfs is not the one
// of stat(2).
type identity struct{ dev, ino uint32 }

// report is what unix_diag says about one socket.
type report struct {
	state    uint8
	ino      uint32 // sockfs inode; 0 while not accepted
	bound    bool   // file is known
	file     identity
	peer     uint32 // sockfs inode of the other end
	pending  uint32 // of a listening socket
	backlog  uint32 // of a listening socket
	shutdown uint8
	hasQueue bool
}

// Diag is a conversation with the kernel's unix_diag and inet_diag about the
// sockets of this network namespace. It needs no privilege, allocates nothing once open,
// and belongs to one goroutine.
type Diag struct {
	fd  int
	seq uint32
	req [requestLen]byte
	tcp [tcpRequestLen]byte // the same to inet_diag
	buf *buffer
}

// No part of a dump is larger than a page of 8 KiB, or than what was received
// with before (netlink(7)).
type buffer [8 << 10]byte

// Every restart opens some conversations: their buffers are used again.
var buffers = sync.Pool{New: func() any { return new(buffer) }}

// OpenDiag opens a Diag.
func OpenDiag() (*Diag, error) {
	d := &Diag{fd: -1, buf: buffers.Get().(*buffer)}
	if err := d.open(); err != nil {
		return nil, fmt.Errorf("cannot open unix_diag: %w", err)
	}
	return d, nil
}

func (d *Diag) open() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return err
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err != nil {
		_ = unix.Close(fd)
		return err
	}
	d.fd = fd
	return nil
}

// hangUp leaves a conversation; the next question begins another.
func (d *Diag) hangUp() (err error) {
	if d.fd >= 0 {
		err = unix.Close(d.fd)
	}
	d.fd = -1
	return err
}

// Close ends the conversation. Closing twice is harmless.
func (d *Diag) Close() error {
	if d.buf == nil {
		return nil
	}
	buffers.Put(d.buf)
	d.buf = nil
	return d.hangUp()
}

// exact asks for the one socket with that sockfs inode; ENOENT where there is
// none in this network namespace, or no unix_diag in the kernel.
func (d *Diag) exact(ino, show uint32) (report, error) {
	if err := d.ask(0, anyState, ino, show); err != nil {
		return report{}, err
	}
	m, err := d.answer()
	if err != nil {
		return report{}, err
	}
	return m.report()
}

// answer is the one message that answers what is not a dump.
func (d *Diag) answer() (message, error) {
	for {
		b, err := d.receive()
		if err != nil {
			return message{}, err
		}
		for len(b) > 0 {
			var m message
			if m, b, err = nextMessage(b); err != nil {
				return message{}, err
			}
			if m.seq == d.seq {
				return m, nil
			}
		}
	}
}

// dump shows every socket in one of the states. interrupted says that the
// table changed so that the dump may be wrong. An embryo (connected, not
// accepted) is not shown or has inode 0. After an error the conversation is a
// new one: the kernel refuses a second dump while the first is not read.
func (d *Diag) dump(states, show uint32, visit func(report)) (interrupted bool, err error) {
	if err = d.ask(unix.NLM_F_DUMP, states, 0, show); err == nil {
		interrupted, err = d.parts(func(m message) error {
			r, err := m.report()
			if err == nil {
				visit(r)
			}
			return err
		})
	}
	if err != nil {
		_ = d.hangUp() // the error is what counts
	}
	return interrupted, err
}

func (d *Diag) parts(visit func(message) error) (interrupted bool, err error) {
	for {
		b, err := d.receive()
		if err != nil {
			return false, err
		}
		for len(b) > 0 {
			var m message
			if m, b, err = nextMessage(b); err != nil {
				return false, err
			}
			if m.seq != d.seq {
				continue
			}
			interrupted = interrupted || m.flags&unix.NLM_F_DUMP_INTR != 0
			if m.kind == unix.NLMSG_DONE {
				return interrupted, m.failure()
			}
			if err := visit(m); err != nil {
				return false, err
			}
		}
	}
}

func (d *Diag) ask(flags uint16, states, ino, show uint32) error {
	e, r := binary.NativeEndian, &d.req
	r[headerLen] = unix.AF_UNIX
	e.PutUint32(r[headerLen+4:], states)
	e.PutUint32(r[headerLen+8:], ino)
	e.PutUint32(r[headerLen+12:], show)
	e.PutUint64(r[headerLen+16:], ^uint64(0)) // whatever its cookie
	return d.send(r[:], flags)
}

// send completes the header of a request and sends it.
func (d *Diag) send(r []byte, flags uint16) error {
	switch {
	case d.buf == nil:
		return unix.EBADF // closed
	case d.fd < 0:
		if err := d.open(); err != nil {
			return err
		}
	}
	d.seq++
	e := binary.NativeEndian
	e.PutUint32(r[0:], uint32(len(r)))
	e.PutUint16(r[4:], diagByFamily)
	e.PutUint16(r[6:], unix.NLM_F_REQUEST|flags)
	e.PutUint32(r[8:], d.seq)
	for {
		_, err := unix.Write(d.fd, r)
		if err != unix.EINTR {
			return err
		}
	}
}

func (d *Diag) receive() ([]byte, error) {
	for {
		n, err := unix.Read(d.fd, d.buf[:])
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return nil, errSilent
		case err != nil:
			return nil, err
		case n <= 0:
			return nil, errMalformed
		default:
			return d.buf[:n], nil
		}
	}
}

var (
	errSilent    = errors.New("the kernel did not answer within a second")
	errMalformed = errors.New("the kernel's answer is malformed")
)
