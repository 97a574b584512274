package socket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

func (tcpFamily) peers(d *Diag, l *Listener, buf []uint64) ([]uint64, error) {
	first := len(buf)
	if _, err := d.listenerTCP(l); err != nil {
		return buf, fmt.Errorf("cannot ask inet_diag who is connected to %s: %w", l.options.Path, err)
	}
	var found [peersMost]tcpReport
	n := 0
	err := d.tcpDump(l.at.family, l.at.port, 1<<stateEstablished, func(r tcpReport) {
		if r.ino != 0 && l.at.has(r) && n < len(found) {
			found[n] = r
			n++
		}
	})
	for i := 0; i < n && err == nil; i++ {
		var r tcpReport
		r, err = d.tcpExact(l.at.family, found[i].there, found[i].here)
		if err == nil && r.ino != 0 {
			buf = append(buf, uint64(r.ino))
		}
		if errors.Is(err, unix.ENOENT) {
			err = nil // on another host, or gone
		}
	}
	if err != nil {
		return buf[:first], fmt.Errorf("cannot ask inet_diag who is connected to %s: %w", l.options.Path, err)
	}
	return buf, nil
}

// nameOf is getsockname(2) or getpeername(2), without garbage.
func nameOf(call uintptr, fd int) (family uint8, end tcpEnd, err error) {
	var raw unix.RawSockaddrInet6 // of the two it is the larger
	n := uint32(unix.SizeofSockaddrInet6)
	if _, _, errno := unix.Syscall(call, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&n))); errno != 0 {
		return 0, end, errno
	}
	end.port = binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&raw.Port))[:])
	switch raw.Family {
	case unix.AF_INET6:
		end.addr = raw.Addr
	case unix.AF_INET: // the address is where IPv6 has its flow label
		*(*[4]byte)(end.addr[:4]) = *(*[4]byte)(unsafe.Pointer(&raw.Flowinfo))
	default:
		return 0, end, unix.EAFNOSUPPORT
	}
	return uint8(raw.Family), end, nil
}
