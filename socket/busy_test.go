package socket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func busy(t *testing.T, d *Diag, l *Listener) Busy {
	t.Helper()
	b, err := d.Busy(l)
	must(t, err)
	return b
}

// A crowd is a listener, how many wait at it, and the accepted connections.
type crowd struct {
	t       *testing.T
	l       *Listener
	d       *Diag
	pending int
	clients []int
	servers []int
	sets    map[uint64]string
	numbers map[string]uint64
}

// TestBusyModel: over random connects, accepts and closes the number of a set
// is the same exactly where its inodes, as fstat(2) tells them, are the same.
func TestBusyModel(t *testing.T) {
	o := options(t)
	l, d := published(t, o, 1), diag(t)
	other := published(t, Options{Path: o.Path + "2", UID: -1, GID: -1, Mode: 0o600, Backlog: 8}, 1)
	defer unix.Close(connected(t, o.Path+"2"))
	defer unix.Close(accepted(t, other))
	defer forge(t, l)()
	rapid.Check(t, func(r *rapid.T) {
		m := &crowd{t: t, l: l, d: d, sets: map[uint64]string{}, numbers: map[string]uint64{}}
		defer m.scrap()
		r.Repeat(map[string]func(*rapid.T){
			"":        m.compare,
			"connect": m.connect,
			"accept":  m.accept,
			"close":   func(r *rapid.T) { m.close(r, &m.servers) },
			"give up": func(r *rapid.T) { m.close(r, &m.clients) },
		})
	})
}

func (m *crowd) connect(r *rapid.T) {
	if m.pending == m.l.options.Backlog {
		r.Skip("full")
	}
	m.clients = append(m.clients, connected(m.t, m.l.options.Path))
	m.pending++
}

func (m *crowd) accept(r *rapid.T) {
	if m.pending == 0 {
		r.Skip("none")
	}
	m.servers = append(m.servers, accepted(m.t, m.l))
	m.pending--
}

func (m *crowd) close(r *rapid.T, some *[]int) {
	if len(*some) == 0 {
		r.Skip("none")
	}
	i := rapid.IntRange(0, len(*some)-1).Draw(r, "which")
	must(m.t, unix.Close((*some)[i]))
	*some = slices.Delete(*some, i, i+1)
}

func (m *crowd) compare(r *rapid.T) {
	got, err := m.d.Busy(m.l)
	want := Busy{Pending: m.pending}
	if m.pending > 0 {
		want.Accepted, want.Set = len(m.servers), got.Set
	}
	if err != nil || got != want {
		r.Fatalf("%+v, %v; want %+v", got, err, want)
	}
	if m.pending == 0 {
		return
	}
	var inodes []uint64
	for _, fd := range m.servers {
		var st unix.Stat_t
		must(m.t, unix.Fstat(fd, &st))
		inodes = append(inodes, st.Ino)
	}
	slices.Sort(inodes)
	set := fmt.Sprint(inodes)
	if former, ok := m.sets[got.Set]; ok && former != set {
		r.Fatalf("%s and %s are the same", former, set)
	}
	if former, ok := m.numbers[set]; ok && former != got.Set {
		r.Fatalf("%s was %d and is %d", set, former, got.Set)
	}
	m.sets[got.Set], m.numbers[set] = set, got.Set
}

func (m *crowd) scrap() {
	for m.pending > 0 {
		m.accept(nil)
	}
	for _, fd := range append(m.clients, m.servers...) {
		unix.Close(fd)
	}
}

// Inodes come one after the other, so {1, 4} is likely to become {2, 3}, and
// {1, 2, 4, 7} {0, 3, 5, 6}: not even their squares have another sum.
func TestSpreadHasNoOrder(t *testing.T) {
	seen := make(map[uint64]int)
	for set := range 1 << 16 {
		var sum uint64
		for i := range 16 {
			if set>>i&1 == 1 {
				sum += spread(uint32(1000 + i))
			}
		}
		if other, ok := seen[sum]; ok {
			t.Fatalf("%016b and %016b are the same", set, other)
		}
		seen[sum] = set
	}
}

func TestBusyAllocatesNothing(t *testing.T) {
	o := options(t)
	l, d := published(t, o, 1), diag(t)
	for range 2 {
		defer unix.Close(connected(t, o.Path))
	}
	defer unix.Close(accepted(t, l))
	if b := busy(t, d, l); b.Pending != 1 || b.Accepted != 1 || b.Set == 0 {
		t.Errorf("%+v", b)
	}
	if n := testing.AllocsPerRun(100, func() { d.Busy(l) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// patient is a fake that answers always, and may be slow on a busy machine.
func patient(t *testing.T, answer func(int, uint32) [][]byte) *Diag {
	t.Helper()
	d := fake(t, answer)
	must(t, unix.SetsockoptTimeval(d.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 60}))
	return d
}

// A dump that was interrupted is asked for again, and does not count.
func TestBusyInterrupted(t *testing.T) {
	for _, interruptions := range []int{0, 1, dumpAttempts} {
		var asked atomic.Int32
		d := patient(t, func(n int, seq uint32) [][]byte {
			asked.Add(1)
			var flags uint16
			if n < interruptions {
				flags = unix.NLM_F_DUMP_INTR
			}
			b := append(encode(diagByFamily, flags, seq, about(0, 0)), encode(diagByFamily, flags, seq, about(10, shutBoth))...)
			return [][]byte{append(b, encode(unix.NLMSG_DONE, flags, seq, []byte{0, 0, 0, 0})...)}
		})
		n, set, err := d.accepted(file12)
		if n != 1 || set != spread(10) || err != nil || int(asked.Load()) != min(interruptions+1, dumpAttempts) {
			t.Errorf("%d interruptions: %d, %d, %v after %d dumps", interruptions, n, set, err, asked.Load())
		}
	}
}

func TestBusyErrors(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	defer unix.Close(connected(t, o.Path)) // one waits: the dump is needed
	info, err := diag(t).exact(uint32(l.sockIno), showVFS|showQueue)
	must(t, err)
	e := binary.NativeEndian
	listening := append([]byte{unix.AF_UNIX, unix.SOCK_STREAM, stateListen, 0}, e.AppendUint32(nil, uint32(l.sockIno))...)
	listening = append(listening, make([]byte, 8)...)
	listening = e.AppendUint16(e.AppendUint16(listening, 12), attrVFS)
	listening = e.AppendUint32(e.AppendUint32(listening, info.file.ino), info.file.dev)
	listening = e.AppendUint16(e.AppendUint16(listening, 12), attrQueue)
	listening = e.AppendUint32(e.AppendUint32(listening, 1), 64)
	refused := e.AppendUint32(nil, uint32(0x100000000-int64(unix.EBUSY)))
	d := patient(t, func(n int, seq uint32) [][]byte {
		if n == 0 {
			return [][]byte{encode(diagByFamily, 0, seq, listening)}
		}
		return [][]byte{encode(unix.NLMSG_ERROR, 0, seq, refused)}
	})
	if b, err := d.Busy(l); !errors.Is(err, unix.EBUSY) || b != (Busy{}) {
		t.Errorf("%+v, %v", b, err)
	}
	l.Close()
	if _, err := diag(t).Busy(l); !errors.Is(err, unix.ENOENT) {
		t.Errorf("of a closed one: %v", err)
	}
}
