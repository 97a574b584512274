package socket

import (
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// encode is one netlink message.
func encode(kind, flags uint16, seq uint32, body []byte) []byte {
	e := binary.NativeEndian
	b := e.AppendUint32(nil, uint32(headerLen+len(body)))
	b = e.AppendUint16(b, kind)
	b = e.AppendUint16(b, flags)
	b = e.AppendUint32(b, seq)
	b = append(append(b, 0, 0, 0, 0), body...)
	return append(b, make([]byte, align(len(b))-len(b))...)
}

// about is the body of a report with the file (dev 1, ino 2).
func about(ino uint32, shutdown uint8) []byte {
	e := binary.NativeEndian
	b := append([]byte{unix.AF_UNIX, unix.SOCK_STREAM, stateEstablished, 0}, e.AppendUint32(nil, ino)...)
	b = append(b, make([]byte, 8)...)
	b = e.AppendUint16(e.AppendUint16(b, 12), attrVFS)
	b = e.AppendUint32(e.AppendUint32(b, 2), 1)
	b = e.AppendUint16(e.AppendUint16(b, 5), attrShutdown)
	return append(b, shutdown, 0, 0, 0)
}

// fake is a Diag that talks to the test instead of the kernel: answer gets the
// sequence number of each request and returns the datagrams to send.
func fake(t *testing.T, answer func(n int, seq uint32) [][]byte) *Diag {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	must(t, unix.SetsockoptTimeval(pair[0], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 1000}))
	d := &Diag{fd: pair[0], buf: new(buffer)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer unix.Close(pair[1])
		b := make([]byte, requestLen+1)
		for n := 0; ; n++ {
			if size, err := unix.Read(pair[1], b); err != nil || size != requestLen {
				return
			}
			for _, part := range answer(n, binary.NativeEndian.Uint32(b[8:])) {
				unix.Write(pair[1], part)
			}
		}
	}()
	t.Cleanup(func() { d.Close(); <-ended })
	return d
}

var file12 = identity{dev: 1, ino: 2}

// Answers to an older question are passed over, parts are joined, embryos and
// those whose client is gone are not counted.
func TestDumpInParts(t *testing.T) {
	d := fake(t, func(_ int, seq uint32) [][]byte {
		first := append(encode(diagByFamily, 2, seq-1, about(9, 0)), encode(diagByFamily, 2, seq, about(10, 0))...)
		second := append(encode(diagByFamily, 2, seq, about(0, 0)), encode(diagByFamily, 2, seq, about(11, shutBoth))...)
		third := append(encode(diagByFamily, 2, seq, about(12, 1)), encode(unix.NLMSG_DONE, 2, seq, []byte{0, 0, 0, 0})...)
		return [][]byte{encode(unix.NLMSG_DONE, 2, seq-1, nil), first, second, third}
	})
	if n, err := d.active(file12); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// An exact answer to an older question is passed over too.
func TestStaleAnswer(t *testing.T) {
	d := fake(t, func(_ int, seq uint32) [][]byte {
		return [][]byte{encode(diagByFamily, 0, seq-1, about(9, 0)), encode(diagByFamily, 0, seq, about(10, 3))}
	})
	if r, err := d.exact(10, showVFS); err != nil || r != (report{state: stateEstablished, ino: 10, bound: true, file: file12, shutdown: 3}) {
		t.Errorf("%+v, %v", r, err)
	}
}

// A dump that was interrupted is asked for again; if it always is, the largest
// count stands.
func TestDumpInterrupted(t *testing.T) {
	for _, test := range []struct{ interruptions, want int }{{1, 1}, {dumpAttempts, 2}} {
		asked := 0
		d := fake(t, func(n int, seq uint32) [][]byte {
			asked = n + 1
			var flags uint16
			if n < test.interruptions {
				flags = unix.NLM_F_DUMP_INTR
			}
			b := encode(diagByFamily, flags, seq, about(10, 0))
			if n == 0 {
				b = append(b, encode(diagByFamily, 0, seq, about(11, 0))...)
			}
			return [][]byte{append(b, encode(unix.NLMSG_DONE, flags, seq, []byte{0, 0, 0, 0})...)}
		})
		n, err := d.active(file12)
		d.Close()
		if n != test.want || err != nil || asked != min(test.interruptions+1, dumpAttempts) {
			t.Errorf("%+v: %d, %v after %d dumps", test, n, err, asked)
		}
	}
}

// After a failure the same Diag asks the kernel on a fresh socket.
func TestDumpFails(t *testing.T) {
	busy := binary.NativeEndian.AppendUint32(nil, uint32(0x100000000-int64(unix.EBUSY)))
	for name, test := range map[string]struct {
		answer func(uint32) []byte
		want   error
	}{
		"silent":    {func(uint32) []byte { return nil }, errSilent},
		"refused":   {func(seq uint32) []byte { return encode(unix.NLMSG_ERROR, 0, seq, busy) }, unix.EBUSY},
		"broken":    {func(seq uint32) []byte { return encode(unix.NLMSG_DONE, 0, seq, busy) }, unix.EBUSY},
		"malformed": {func(seq uint32) []byte { return encode(diagByFamily, 0, seq, nil) }, errMalformed},
		"cut":       {func(seq uint32) []byte { return encode(diagByFamily, 0, seq, about(1, 0))[:30] }, errMalformed},
	} {
		d := fake(t, func(_ int, seq uint32) [][]byte {
			if b := test.answer(seq); b != nil {
				return [][]byte{b}
			}
			return nil
		})
		if _, err := d.active(file12); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := d.Queue(published(t, options(t), 1)); err != nil {
			t.Errorf("%s: afterwards: %v", name, err)
		}
	}
}

// Lengths in messages and attributes do not count the padding behind them.
func TestPadding(t *testing.T) {
	body := about(10, 3)
	long := body[len(body)-8:]                                                                             // the five bytes of shutdown, padded
	body = append(append(append([]byte{}, body[:reportLen]...), long...), body[reportLen:reportLen+12]...) // then the file
	b := encode(diagByFamily, 0, 7, append(body, 1))                                                       // one byte too many: no attribute
	b = append(b, encode(unix.NLMSG_DONE, 0, 8, nil)...)
	m, rest, err := nextMessage(b)
	must(t, err)
	if r, err := m.report(); err != nil || r != (report{state: stateEstablished, ino: 10, bound: true, file: file12, shutdown: 3}) {
		t.Errorf("%+v, %v", r, err)
	}
	if m, rest, err = nextMessage(rest); err != nil || m.seq != 8 || len(rest) != 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

// Whatever comes, the parser ends, stays inside, and takes something off.
func FuzzMessage(f *testing.F) {
	f.Add(append(encode(diagByFamily, 2, 1, about(10, 3)), encode(unix.NLMSG_DONE, 2, 1, []byte{0, 0, 0, 0})...))
	f.Add(encode(unix.NLMSG_ERROR, 0, 1, []byte{0xfe, 0xff, 0xff, 0xff}))
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			m, rest, err := nextMessage(b)
			if err != nil {
				return
			}
			if len(rest) >= len(b) || headerLen+len(m.body)+len(rest) > len(b) {
				t.Fatalf("%d bytes: body %d, rest %d", len(b), len(m.body), len(rest))
			}
			if r, err := m.report(); err == nil && (m.kind != diagByFamily || len(m.body) < reportLen) {
				t.Fatalf("%+v from %+v", r, m)
			}
			b = rest
		}
	})
}
