package output

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Bytes of a line that become one entry; a longer one becomes several.
const (
	journalMost = 48 << 10 // below the 64 KiB at which journald itself begins to cut, with room for its fields
	syslogMost  = 1 << 10  // of the whole datagram, RFC 3164
)

// datagrams is the journal or a syslog daemon: a line is an entry is a datagram.
type datagrams struct {
	loss
	cutter
	path  string
	seal  func()    // completes the entry in buf
	fd    int       // -1 while it is not connected
	tried time.Time // of the last attempt to connect
	stall stall
}

// newJournal speaks the native protocol of journald: fields as NAME=value lines,
// the message with its length as 64 bits, little-endian, before it, because it
// may hold anything (systemd, "Native Journal Protocol").
func newJournal(t Target) *datagrams {
	const level, message = "PRIORITY=", "\nMESSAGE\n"
	prefix := "SYSLOG_IDENTIFIER=" + t.Name + "\nKEEPONE_NAME=" + t.Name + "\n" + level
	at := len(prefix)
	prefix += string(info) + message + strings.Repeat("\x00", 8)
	d := &datagrams{path: cmp.Or(t.Socket, "/run/systemd/journal/socket"), fd: -1}
	d.cutter = newCutter(prefix, journalMost, d.put)
	d.seal = func() {
		d.buf[at] = d.level
		binary.LittleEndian.PutUint64(d.buf[d.head-8:], uint64(len(d.text())))
		d.buf = append(d.buf, '\n')
	}
	return d
}

// newSyslog writes what syslog(3) does for facility daemon: "<30>Oct  9 22:33:20
// name: message", RFC 3164 without a host, which is the daemon's to add.
func newSyslog(t Target) *datagrams {
	prefix := "<30>" + time.Stamp + " " + t.Name + ": "
	d := &datagrams{path: cmp.Or(t.Socket, "/dev/log"), fd: -1}
	d.cutter = newCutter(prefix, syslogMost-len(prefix), d.put)
	d.seal = func() {
		const daemon = 3 << 3
		code := daemon + d.level - '0' // 24 to 31
		d.buf[1], d.buf[2] = '0'+code/10, '0'+code%10
		time.Now().AppendFormat(d.buf[4:4], time.Stamp) // as long as what it replaces
	}
	return d
}

func (d *datagrams) write(b []byte) { d.add(b) }
func (d *datagrams) flush()         { d.end() }

func (d *datagrams) reopen() {
	d.close()
	d.tried = time.Time{}
	d.connect()
}

func (d *datagrams) close() {
	if d.fd >= 0 {
		unix.Close(d.fd)
		d.fd = -1
	}
}

func (d *datagrams) fail(err error) { d.cause = fmt.Errorf("cannot write to %s: %w", d.path, err) }

// put sends the entry in buf.
func (d *datagrams) put() {
	n := len(d.text())
	d.seal()
	if d.send() {
		d.cause = nil
	} else {
		d.lost += uint64(n)
	}
}

// send connects where it has to: once more where the daemon was restarted.
func (d *datagrams) send() bool {
	for broken := false; d.fd >= 0 || d.connect(); {
		err := unix.Send(d.fd, d.buf, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		switch {
		case err == nil:
			return true
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			if d.stall.wait(d.fd) {
				continue
			}
			d.fail(errStalled)
			return false
		}
		d.close()
		d.fail(err)
		if broken || err == unix.EMSGSIZE {
			return false
		}
		broken = true
	}
	return false
}

// connect is not tried too often.
func (d *datagrams) connect() bool {
	now := time.Now()
	if now.Sub(d.tried) < retry {
		return false
	}
	d.tried = now
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err == nil {
		if err = unix.Connect(fd, &unix.SockaddrUnix{Name: d.path}); err != nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		d.fail(err)
		return false
	}
	d.fd, d.cause = fd, nil
	return true
}
