package rival

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// From linux/sock_diag.h, linux/unix_diag.h, linux/inet_diag.h and
// net/tcp_states.h; sock_diag(7).
const (
	diagByFamily = 20
	stateListen  = 10
	headerLen    = unix.NLMSG_HDRLEN

	unixRequest = 24 // struct unix_diag_req
	unixReport  = 16 // struct unix_diag_msg
	showName    = 1
	showFile    = 2
	attrName    = 0
	attrFile    = 1

	inetRequest = 56 // struct inet_diag_req_v2
	inetReport  = 72 // struct inet_diag_msg
	attrOnly6   = 11
)

// dumpAttempts is how often a dump is asked for that changes while it is made.
const dumpAttempts = 4

var (
	errMalformed = errors.New("the kernel's answer is malformed")
	native       = binary.NativeEndian
)

// unixListeners asks unix_diag for the listening Unix sockets of this network
// namespace.
func unixListeners() (found []listener, err error) {
	var r [headerLen + unixRequest]byte
	body := r[headerLen:]
	body[0] = unix.AF_UNIX
	native.PutUint32(body[4:], 1<<stateListen)
	native.PutUint32(body[12:], showName|showFile)
	native.PutUint64(body[16:], ^uint64(0)) // whatever its cookie
	if found, err = ask(r[:], unixReport, unixListener); err != nil {
		err = fmt.Errorf("cannot ask unix_diag who listens: %w", err)
	}
	return found, err
}

// inetListeners asks inet_diag for the listening TCP sockets of this network
// namespace. Unlike /proc/net/tcp it does not walk all connections for that;
// not every kernel has it.
func inetListeners() (all []listener, err error) {
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		var r [headerLen + inetRequest]byte
		r[headerLen], r[headerLen+1] = family, unix.IPPROTO_TCP
		native.PutUint32(r[headerLen+4:], 1<<stateListen)
		found, err := ask(r[:], inetReport, inetListener)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// ask asks for a dump and reads it, once more where it changed meanwhile.
func ask(r []byte, shortest int, read func(body []byte) listener) (found []listener, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err != nil {
		return nil, err
	}
	native.PutUint32(r[0:], uint32(len(r)))
	native.PutUint16(r[4:], diagByFamily)
	native.PutUint16(r[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	d := dump{fd: fd, shortest: shortest, again: true}
	for d.again && err == nil && d.seq < dumpAttempts {
		d.seq, d.again, d.done, found = d.seq+1, false, false, nil
		native.PutUint32(r[8:], d.seq)
		if _, err = unix.Write(fd, r); err != nil {
			break
		}
		for !d.done && err == nil {
			err = d.part(func(body []byte) { found = append(found, read(body)) })
		}
	}
	return found, err
}

// A dump is an answer in several parts.
type dump struct {
	fd       int
	seq      uint32
	shortest int  // bytes of a report
	again    bool // it changed while it was made
	done     bool
	buf      [32 << 10]byte
}

// part reads one part of the dump.
func (d *dump) part(take func(body []byte)) error {
	n, err := unix.Read(d.fd, d.buf[:])
	if err == unix.EINTR {
		return nil
	}
	for b := d.buf[:max(n, 0)]; err == nil && len(b) > 0; {
		if len(b) < headerLen || int(native.Uint32(b)) < headerLen || int(native.Uint32(b)) > len(b) {
			return errMalformed
		}
		size := int(native.Uint32(b))
		kind, flags, seq, body := native.Uint16(b[4:]), native.Uint16(b[6:]), native.Uint32(b[8:]), b[headerLen:size]
		b = b[min((size+3)&^3, len(b)):]
		if seq != d.seq {
			continue // of the one before
		}
		d.again = d.again || flags&unix.NLM_F_DUMP_INTR != 0
		switch {
		case kind == unix.NLMSG_DONE:
			d.done = true
		case kind == unix.NLMSG_ERROR && len(body) >= 4:
			return unix.Errno(-int32(native.Uint32(body)))
		case kind != diagByFamily || len(body) < d.shortest:
			return errMalformed
		default:
			take(body)
		}
	}
	return err
}

// attributes calls visit with those that follow a report.
func attributes(a []byte, visit func(kind uint16, value []byte)) {
	for len(a) >= 4 {
		size := int(native.Uint16(a))
		if size < 4 || size > len(a) {
			return
		}
		visit(native.Uint16(a[2:]), a[4:size])
		a = a[min((size+3)&^3, len(a)):]
	}
}

// unixListener reads a struct unix_diag_msg and its attributes.
func unixListener(body []byte) listener {
	l := listener{inode: uint64(native.Uint32(body[4:]))}
	attributes(body[unixReport:], func(kind uint16, value []byte) {
		switch {
		case kind == attrName && len(value) > 0 && value[0] == 0: // abstract: it has no file
			l.name = "@" + string(value[1:])
		case kind == attrName:
			l.name = strings.TrimRight(string(value), "\x00")
		case kind == attrFile && len(value) >= 8:
			l.file, l.bound = bound{ino: native.Uint32(value), dev: native.Uint32(value[4:])}, true
		}
	})
	return l
}

// inetListener reads a struct inet_diag_msg and its attributes: the port and
// the address are in network order.
func inetListener(body []byte) listener {
	ip := netip.AddrFrom4([4]byte(body[8:12]))
	if body[0] == unix.AF_INET6 {
		ip = netip.AddrFrom16([16]byte(body[8:24]))
	}
	l := listener{inode: uint64(native.Uint32(body[68:])), addr: netip.AddrPortFrom(ip, binary.BigEndian.Uint16(body[4:]))}
	attributes(body[inetReport:], func(kind uint16, value []byte) {
		l.only6 = l.only6 || kind == attrOnly6 && len(value) > 0 && value[0] != 0
	})
	return l
}
