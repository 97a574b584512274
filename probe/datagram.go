package probe

import (
	"bytes"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	maxDatagram = 4096 // bytes; systemd takes no more, either
	maxStatus   = 200  // bytes of STATUS= that are kept
)

// datagrams receives one after the other into the same memory.
type datagrams struct {
	buf   [maxDatagram]byte
	iov   unix.Iovec
	msg   unix.Msghdr
	n     int
	errno unix.Errno
	// Room for the credentials and nothing else: the kernel puts them first and
	// closes descriptors that find no room, which is what a BARRIER=1 waits for.
	control [(unix.SizeofCmsghdr + unix.SizeofUcred + 7) &^ 7]byte
}

// receive reads until Close.
func (n *Notify) receive() {
	defer close(n.ended)
	raw, err := n.file.SyscallConn()
	if err != nil {
		n.err = bare(err)
		return
	}
	d := &datagrams{}
	receive := d.receive // once: a method value is garbage
	for {
		switch err := raw.Read(receive); {
		case err != nil: // the poller has nothing else to say
			n.err = os.ErrClosed
			return
		case d.errno == unix.ENOMEM || d.errno == unix.ENOBUFS: // this one is lost
		case d.errno != 0:
			n.err = d.errno
			return
		default:
			n.hear(d.sender(), d.buf[:d.n])
		}
	}
}

// receive is recvmsg(2), which unix.Recvmsg cannot do without garbage.
func (d *datagrams) receive(fd uintptr) bool {
	for {
		d.iov.Base = &d.buf[0]
		d.iov.SetLen(len(d.buf))
		d.msg = unix.Msghdr{Iov: &d.iov, Control: &d.control[0]}
		d.msg.SetIovlen(1)
		d.msg.SetControllen(len(d.control))
		n, _, errno := unix.Syscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&d.msg)), unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		d.n, d.errno = int(n), errno
		if errno != unix.EINTR {
			return errno != unix.EAGAIN
		}
	}
}

// sender is the pid of who sent the datagram, 0 where it does not say or
// should not be read: it was longer than the buffer, or its sender is of
// another pid namespace.
func (d *datagrams) sender() int {
	if d.msg.Flags&unix.MSG_TRUNC != 0 || int(d.msg.Controllen) < unix.SizeofCmsghdr+unix.SizeofUcred {
		return 0
	}
	head, data, _, err := unix.ParseOneSocketControlMessage(d.control[:])
	if err != nil || head.Level != unix.SOL_SOCKET || head.Type != unix.SCM_CREDENTIALS || len(data) < unix.SizeofUcred {
		return 0
	}
	return int((*unix.Ucred)(unsafe.Pointer(&data[0])).Pid)
}

// hear takes from a datagram, lines of NAME=VALUE, what is of interest.
func (n *Notify) hear(pid int, said []byte) {
	if pid <= 0 {
		return
	}
	ready := false
	for line := range bytes.SplitSeq(said, []byte("\n")) {
		if text, ok := bytes.CutPrefix(line, []byte("STATUS=")); ok {
			n.keep(pid, text)
		}
		ready = ready || string(line) == "READY=1"
	}
	if ready { // last, so that whoever it wakes finds the status
		n.tell(pid)
	}
}

// keep remembers a status, and makes no garbage of one that is said again.
func (n *Notify) keep(pid int, text []byte) {
	old := n.status.Load()
	if old != nil && old.PID == pid && old.Text == string(text) {
		return
	}
	n.status.Store(&Status{PID: pid, Text: clean(text)})
}

// clean makes a text safe for a terminal.
func clean(text []byte) string {
	if len(text) > maxStatus {
		end := maxStatus
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, string(text)))
}

// tell passes READY=1 to a Ready that waits, and lets it look at the sender
// before the next datagram is read; else it is kept for the next Ready.
func (n *Notify) tell(pid int) {
	select {
	case n.saying <- pid:
		<-n.judged
		return
	default:
	}
	for {
		select {
		case n.early <- pid:
			return
		default:
		}
		select {
		case <-n.early:
		default:
		}
	}
}
