package socket

import (
	"testing"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// link is what the model knows of one connection: our ends, -1 once closed,
// and how the accepted end is shut down.
type link struct {
	client, server int
	accepted       bool
	shutdown       int
}

// model is a queue as it ought to be.
type model struct {
	t     *testing.T
	l     *Listener
	d     *Diag
	links []*link
}

// TestQueueModel compares Queue with a model over random connects, accepts,
// half-closes and closes, with /proc/net/unix as second opinion.
func TestQueueModel(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	d := diag(t)
	// Neighbours that must never be counted.
	other := published(t, Options{Path: o.Path + "2", UID: -1, GID: -1, Mode: 0o600, Backlog: 8}, 1)
	defer unix.Close(connected(t, o.Path+"2"))
	defer unix.Close(accepted(t, other))
	defer unix.Close(connected(t, o.Path+"2"))
	defer forge(t, l)()
	rapid.Check(t, func(r *rapid.T) {
		m := &model{t: t, l: l, d: d}
		defer m.scrap()
		r.Repeat(map[string]func(*rapid.T){
			"":              m.compare,
			"connect":       m.connect,
			"accept":        m.accept,
			"client closes": m.clientCloses,
			"client shuts":  m.clientShuts,
			"server closes": m.serverCloses,
			"server shuts":  m.serverShuts,
		})
	})
}

func (m *model) pick(r *rapid.T, allowed func(*link) bool) *link {
	var some []*link
	for _, k := range m.links {
		if allowed(k) {
			some = append(some, k)
		}
	}
	if len(some) == 0 {
		r.Skip("none")
	}
	return rapid.SampledFrom(some).Draw(r, "connection")
}

func clientOpen(k *link) bool { return k.client >= 0 }
func serverOpen(k *link) bool { return k.accepted && k.server >= 0 }

func (m *model) connect(r *rapid.T) {
	if len(m.links) == m.l.options.Backlog {
		r.Skip("full")
	}
	m.links = append(m.links, &link{client: connected(m.t, m.l.options.Path), server: -1})
}

// accept takes the one that waits longest.
func (m *model) accept(r *rapid.T) {
	for _, k := range m.links {
		if !k.accepted {
			k.accepted, k.server = true, accepted(m.t, m.l)
			return
		}
	}
	r.Skip("none")
}

func (m *model) clientCloses(r *rapid.T) {
	k := m.pick(r, clientOpen)
	must(m.t, unix.Close(k.client))
	k.client, k.shutdown = -1, shutBoth
}

func (m *model) serverCloses(r *rapid.T) {
	k := m.pick(r, serverOpen)
	must(m.t, unix.Close(k.server))
	k.server = -1
}

var shutHow = rapid.IntRange(unix.SHUT_RD, unix.SHUT_RDWR)

// clientShuts: what one end shut for sending, the other sees for receiving.
func (m *model) clientShuts(r *rapid.T) {
	k, how := m.pick(r, clientOpen), shutHow.Draw(r, "how")
	if unix.Shutdown(k.client, how) == nil {
		bits := how + 1
		k.shutdown |= (bits&1)<<1 | bits>>1
	}
}

func (m *model) serverShuts(r *rapid.T) {
	k, how := m.pick(r, serverOpen), shutHow.Draw(r, "how")
	if unix.Shutdown(k.server, how) == nil {
		k.shutdown |= how + 1
	}
}

func (m *model) compare(r *rapid.T) {
	want, open := Queue{Backlog: 64}, 0
	for _, k := range m.links {
		switch {
		case !k.accepted:
			want.Pending++
		case k.server >= 0:
			open++
			if k.shutdown != shutBoth {
				want.Active++
			}
		}
		if k.client >= 0 && k.shutdown != shutBoth { // shut by ourselves it looks like one closed by its peer
			if got, err := m.d.Accepted(k.client); err != nil || got != k.accepted {
				r.Fatalf("accepted %v, %v; want %+v", got, err, *k)
			}
		}
	}
	if got, err := m.d.Queue(m.l); err != nil || got != want {
		r.Fatalf("queue %+v, %v; want %+v", got, err, want)
	}
	pending, accepted := secondOpinion(r, m.l)
	if pending != want.Pending || accepted != open {
		r.Fatalf("/proc/net/unix: pending %d, accepted %d; want %d, %d", pending, accepted, want.Pending, open)
	}
}

// secondOpinion counts in /proc/net/unix by name: what was accepted and not
// yet closed, the client there or not.
func secondOpinion(r *rapid.T, l *Listener) (pending, accepted int) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		r.Fatal(err)
	}
	table, err := fs.NetUNIX()
	if err != nil {
		r.Fatal(err)
	}
	for _, row := range table.Rows {
		switch {
		case row.Path != l.hidden() || row.Flags == 1<<16: // __SO_ACCEPTCON: it listens
		case row.Inode == 0:
			pending++
		default:
			accepted++
		}
	}
	return pending, accepted
}

// scrap empties the queue for the next round.
func (m *model) scrap() {
	for _, k := range m.links {
		if !k.accepted {
			k.server, _, _ = unix.Accept4(m.l.Fd(), unix.SOCK_CLOEXEC)
		}
		for _, fd := range []int{k.client, k.server} {
			if fd >= 0 {
				unix.Close(fd)
			}
		}
	}
}
