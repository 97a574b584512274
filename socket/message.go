package socket

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// message is one netlink(7) message.
type message struct {
	kind, flags uint16
	seq         uint32
	body        []byte
}

// nextMessage takes the first message off b, which is not empty.
func nextMessage(b []byte) (m message, rest []byte, err error) {
	if len(b) < headerLen {
		return m, nil, errMalformed
	}
	e := binary.NativeEndian
	n := e.Uint32(b)
	if n < headerLen || uint64(n) > uint64(len(b)) {
		return m, nil, errMalformed
	}
	m = message{kind: e.Uint16(b[4:]), flags: e.Uint16(b[6:]), seq: e.Uint32(b[8:]), body: b[headerLen:n]}
	return m, b[min(align(int(n)), len(b)):], nil
}

// failure is the error that the message carries, nil for none.
func (m message) failure() error {
	if len(m.body) < 4 {
		return nil
	}
	if n := int32(binary.NativeEndian.Uint32(m.body)); n < 0 {
		return unix.Errno(-n)
	}
	return nil
}

// report reads the message as one about a socket. Attributes that are not
// known, or too short, are passed over.
func (m message) report() (r report, err error) {
	if m.kind == unix.NLMSG_ERROR {
		if err = m.failure(); err == nil {
			err = errMalformed
		}
		return r, err
	}
	if m.kind != diagByFamily || len(m.body) < reportLen {
		return r, errMalformed
	}
	e := binary.NativeEndian
	r.state, r.ino = m.body[2], e.Uint32(m.body[4:])
	err = attributes(m.body[reportLen:], func(kind uint16, value []byte) { r.attribute(kind, value) })
	return r, err
}

// attributes takes the netlink attributes apart.
func attributes(b []byte, visit func(kind uint16, value []byte)) error {
	e := binary.NativeEndian
	for len(b) >= unix.SizeofNlAttr {
		n := int(e.Uint16(b))
		if n < unix.SizeofNlAttr || n > len(b) {
			return errMalformed
		}
		visit(e.Uint16(b[2:]), b[unix.SizeofNlAttr:n])
		b = b[min(align(n), len(b)):]
	}
	return nil
}

func (r *report) attribute(kind uint16, value []byte) {
	e := binary.NativeEndian
	switch {
	case kind == attrVFS && len(value) >= 8:
		r.bound, r.file = true, identity{ino: e.Uint32(value), dev: e.Uint32(value[4:])}
	case kind == attrPeer && len(value) >= 4:
		r.peer = e.Uint32(value)
	case kind == attrQueue && len(value) >= 8:
		r.hasQueue, r.pending, r.backlog = true, e.Uint32(value), e.Uint32(value[4:])
	case kind == attrShutdown && len(value) >= 1:
		r.shutdown = value[0]
	}
}

func align(n int) int { return (n + 3) &^ 3 }
