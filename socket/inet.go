package socket

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

// From linux/inet_diag.h and net/tcp_states.h; see sock_diag(7).
const (
	tcpRequestLen = headerLen + 56 // struct inet_diag_req_v2
	tcpReportLen  = 72             // struct inet_diag_msg, before its attributes
	tcpEndsLen    = 48             // struct inet_diag_sockid

	attrV6Only = 11 // of a listening AF_INET6 socket

	stateSynReceived = 3
	stateFinWait1    = 4
	stateFinWait2    = 5
	stateCloseWait   = 8
	stateLastAck     = 9
	stateClosing     = 11
)

// tcpEnd is one end of a connection as the kernel names it: an IPv4 address is
// the first four bytes.
type tcpEnd struct {
	addr [16]byte
	port uint16
}

// tcpReport is what inet_diag says about one socket.
type tcpReport struct {
	family, state uint8
	here, there   tcpEnd
	device        uint32 // interface that it is bound to
	pending       uint32 // of a listening socket
	backlog       uint32 // of a listening socket
	ino           uint32 // sockfs inode; 0 while not accepted, and once closed
	v6only        bool
}

// tcpDump shows every TCP socket of the family with that local port in one of
// the states, those that listen first. The kernel itself passes over other
// ports (inet_diag_dump_icsk in net/ipv4/inet_diag.c). It does not say where the
// table changed between two parts of a dump; a part has room for sixty sockets.
func (d *Diag) tcpDump(family uint8, port uint16, states uint32, visit func(tcpReport)) error {
	clear(d.tcp[:])
	binary.BigEndian.PutUint16(d.tcp[headerLen+8:], port)
	err := d.askTCP(unix.NLM_F_DUMP, family, states)
	if err == nil {
		_, err = d.parts(func(m message) error {
			r, err := m.tcpReport()
			if err == nil {
				visit(r)
			}
			return err
		})
	}
	if err != nil {
		_ = d.hangUp() // the error is what counts
	}
	if err == unix.ENOENT {
		err = errNoTCPDiag
	}
	return err
}

// errNoTCPDiag: the kernel loads the module by itself where it has it.
var errNoTCPDiag = errors.New("the kernel has no tcp_diag; try, as root: modprobe tcp_diag")

// tcpExact asks for the one end of a connection; ENOENT where there is none.
func (d *Diag) tcpExact(family uint8, here, there tcpEnd) (tcpReport, error) {
	clear(d.tcp[:])
	ends := d.tcp[headerLen+8:][:tcpEndsLen]
	binary.BigEndian.PutUint16(ends, here.port)
	binary.BigEndian.PutUint16(ends[2:], there.port)
	copy(ends[4:], here.addr[:])
	copy(ends[20:], there.addr[:])
	binary.NativeEndian.PutUint64(ends[40:], ^uint64(0)) // whatever its cookie
	if err := d.askTCP(0, family, anyState); err != nil {
		return tcpReport{}, err
	}
	m, err := d.answer()
	if err != nil {
		return tcpReport{}, err
	}
	r, err := m.tcpReport()
	if err == nil && (r.state == stateListen || r.there.port != there.port) {
		err = unix.ENOENT // for want of the connection, the kernel shows who listens there
	}
	return r, err
}

func (d *Diag) askTCP(flags uint16, family uint8, states uint32) error {
	d.tcp[headerLen], d.tcp[headerLen+1] = family, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(d.tcp[headerLen+4:], states)
	return d.send(d.tcp[:], flags)
}

// tcpReport reads the message as one about a TCP socket.
func (m message) tcpReport() (r tcpReport, err error) {
	if m.kind == unix.NLMSG_ERROR {
		if err = m.failure(); err == nil {
			err = errMalformed
		}
		return r, err
	}
	if m.kind != diagByFamily || len(m.body) < tcpReportLen {
		return r, errMalformed
	}
	e, b := binary.NativeEndian, m.body
	r.family, r.state = b[0], b[1]
	ends := b[4:][:tcpEndsLen]
	r.here.port, r.there.port = binary.BigEndian.Uint16(ends), binary.BigEndian.Uint16(ends[2:])
	copy(r.here.addr[:], ends[4:])
	copy(r.there.addr[:], ends[20:])
	r.device = e.Uint32(ends[36:])
	r.pending, r.backlog, r.ino = e.Uint32(b[56:]), e.Uint32(b[60:]), e.Uint32(b[68:])
	err = attributes(b[tcpReportLen:], func(kind uint16, value []byte) {
		if kind == attrV6Only && len(value) >= 1 {
			r.v6only = value[0] != 0
		}
	})
	return r, err
}
