package rival

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// From linux/unix_diag.h, linux/sock_diag.h and net/tcp_states.h; sock_diag(7).
const (
	diagByFamily = 20
	diagRequest  = 24 // struct unix_diag_req
	diagReport   = 16 // struct unix_diag_msg
	showName     = 1
	showFile     = 2
	attrName     = 0
	attrFile     = 1
	stateListen  = 10
)

// dumpAttempts is how often a dump is asked for that changes while it is made.
const dumpAttempts = 4

var errMalformed = errors.New("the kernel's answer is malformed")

// unixListeners asks unix_diag for the listening Unix sockets of this network
// namespace.
func unixListeners() (found []listener, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err == nil {
		defer unix.Close(fd)
		err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1})
	}
	for again, n := true, uint32(1); err == nil && again && n <= dumpAttempts; n++ {
		if err = askListeners(fd, n); err == nil {
			found, again, err = readListeners(fd, n)
		}
	}
	if err != nil {
		return found, fmt.Errorf("cannot ask unix_diag who listens: %w", err)
	}
	return found, nil
}

func askListeners(fd int, seq uint32) error {
	var r [unix.NLMSG_HDRLEN + diagRequest]byte
	e := binary.NativeEndian
	e.PutUint32(r[0:], uint32(len(r)))
	e.PutUint16(r[4:], diagByFamily)
	e.PutUint16(r[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	e.PutUint32(r[8:], seq)
	body := r[unix.NLMSG_HDRLEN:]
	body[0] = unix.AF_UNIX
	e.PutUint32(body[4:], 1<<stateListen)
	e.PutUint32(body[12:], showName|showFile)
	e.PutUint64(body[16:], ^uint64(0)) // whatever its cookie
	_, err := unix.Write(fd, r[:])
	return err
}

// readListeners reads one dump; again says that it may be wrong.
func readListeners(fd int, seq uint32) (found []listener, again bool, err error) {
	buf, e := make([]byte, 32<<10), binary.NativeEndian
	for {
		n, err := unix.Read(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return found, false, err
		}
		for b := buf[:n]; len(b) > 0; {
			if len(b) < unix.NLMSG_HDRLEN {
				return found, false, errMalformed
			}
			size := int(e.Uint32(b))
			if size < unix.NLMSG_HDRLEN || size > len(b) {
				return found, false, errMalformed
			}
			kind, flags, body := e.Uint16(b[4:]), e.Uint16(b[6:]), b[unix.NLMSG_HDRLEN:size]
			theirs := e.Uint32(b[8:]) == seq
			b = b[min((size+3)&^3, len(b)):]
			switch {
			case !theirs:
				continue
			case kind == unix.NLMSG_DONE:
				return found, again || flags&unix.NLM_F_DUMP_INTR != 0, nil
			case kind == unix.NLMSG_ERROR && len(body) >= 4:
				return found, false, unix.Errno(-int32(e.Uint32(body)))
			case kind != diagByFamily || len(body) < diagReport:
				return found, false, errMalformed
			}
			again = again || flags&unix.NLM_F_DUMP_INTR != 0
			found = append(found, unixListener(body))
		}
	}
}

// unixListener reads one report: a struct unix_diag_msg and its attributes.
func unixListener(body []byte) listener {
	e := binary.NativeEndian
	l := listener{inode: uint64(e.Uint32(body[4:]))}
	for a := body[diagReport:]; len(a) >= 4; {
		size := int(e.Uint16(a))
		if size < 4 || size > len(a) {
			break
		}
		value := a[4:size]
		switch e.Uint16(a[2:]) {
		case attrName:
			l.name = strings.TrimRight(string(value), "\x00")
			if strings.HasPrefix(l.name, "\x00") { // an abstract name has no file
				l.name = "@" + l.name[1:]
			}
		case attrFile:
			if len(value) >= 8 {
				l.file, l.bound = bound{dev: e.Uint32(value[4:]), ino: e.Uint32(value)}, true
			}
		}
		a = a[min((size+3)&^3, len(a)):]
	}
	return l
}
