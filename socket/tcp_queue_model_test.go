package socket

import (
	"fmt"
	"testing"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// tcpLink is what the model knows of one connection: our ends, -1 once closed,
// and which end has said that it sends no more.
type tcpLink struct {
	client, server         int
	accepted               bool
	clientEnded, backEnded bool
}

type tcpModel struct {
	t     *testing.T
	l     *Listener
	d     *Diag
	links []*tcpLink
}

// TestTCPQueueModel compares Queue, Busy and Accepted with a model over random
// connects, accepts, half-closes and closes, and /proc/net/tcp as second opinion.
func TestTCPQueueModel(t *testing.T) {
	versions(t, func(t *testing.T, o Options) {
		l := published(t, o, 2)
		d := diag(t)
		other := tcpOptions(t, "127.0.0.1") // neighbours that must never be counted
		neighbour := published(t, other, 1)
		defer unix.Close(connected(t, other.Path))
		defer unix.Close(accepted(t, neighbour))
		rapid.Check(t, func(r *rapid.T) {
			m := &tcpModel{t: t, l: l, d: d}
			defer m.scrap()
			defer m.askProcfs() // once: it shows every connection that ended lately
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
	})
}

func (m *tcpModel) pick(r *rapid.T, allowed func(*tcpLink) bool) *tcpLink {
	var some []*tcpLink
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

func (m *tcpModel) connect(*rapid.T) {
	m.links = append(m.links, &tcpLink{client: connected(m.t, m.l.options.Path), server: -1})
}

// accept takes the one that waits longest.
func (m *tcpModel) accept(r *rapid.T) {
	for _, k := range m.links {
		if !k.accepted {
			k.accepted, k.server = true, accepted(m.t, m.l)
			return
		}
	}
	r.Skip("none")
}

func tcpClientOpen(k *tcpLink) bool { return k.client >= 0 }
func tcpServerOpen(k *tcpLink) bool { return k.accepted && k.server >= 0 }

func (m *tcpModel) clientCloses(r *rapid.T) {
	k := m.pick(r, tcpClientOpen)
	must(m.t, unix.Close(k.client))
	k.client, k.clientEnded = -1, true
}

func (m *tcpModel) clientShuts(r *rapid.T) {
	k := m.pick(r, tcpClientOpen)
	_ = unix.Shutdown(k.client, unix.SHUT_WR)
	k.clientEnded = true
}

func (m *tcpModel) serverCloses(r *rapid.T) {
	k := m.pick(r, tcpServerOpen)
	must(m.t, unix.Close(k.server))
	k.server, k.backEnded = -1, true
}

var shutSending = rapid.SampledFrom([]int{unix.SHUT_WR, unix.SHUT_RDWR})

func (m *tcpModel) serverShuts(r *rapid.T) {
	k := m.pick(r, tcpServerOpen)
	_ = unix.Shutdown(k.server, shutSending.Draw(r, "how"))
	k.backEnded = true
}

func (m *tcpModel) want() Queue {
	want := Queue{Backlog: 64}
	for _, k := range m.links {
		switch {
		case !k.accepted:
			want.Pending++
		case k.server >= 0 && !(k.clientEnded && k.backEnded):
			want.Active++
		}
	}
	return want
}

// compare waits: what one end says reaches the other a moment later.
func (m *tcpModel) compare(*rapid.T) {
	want := m.want()
	eventually(m.t, fmt.Sprintf("%+v", want), func() bool { return ask(m.t, m.d, m.l) == want })
	for _, k := range m.links {
		if k.client < 0 || k.clientEnded {
			continue // Accepted is for those that were not shut down
		}
		eventually(m.t, fmt.Sprintf("accepted as %+v", *k), func() bool {
			got, err := m.d.Accepted(k.client)
			must(m.t, err)
			return got == k.accepted
		})
	}
	b, err := m.d.Busy(m.l)
	must(m.t, err)
	if b.Pending != want.Pending || b.Pending > 0 && b.Accepted < want.Active || b.Pending == 0 && b != (Busy{}) {
		m.t.Fatalf("%+v, not %+v", b, want)
	}
}

func (m *tcpModel) askProcfs() {
	want := m.want()
	if pending, active := tcpSecondOpinion(m.t, m.l); pending != want.Pending || active != want.Active {
		m.t.Errorf("/proc/net/tcp: pending %d, active %d; want %+v", pending, active, want)
	}
}

// tcpSecondOpinion counts in /proc/net/tcp and tcp6, proc_pid_net(5): the
// receive queue of who listens, and accepted connections with two open ends.
func tcpSecondOpinion(t *testing.T, l *Listener) (pending, active int) {
	fs, err := procfs.NewDefaultFS()
	must(t, err)
	read := fs.NetTCP
	if l.at.family == unix.AF_INET6 {
		read = fs.NetTCP6
	}
	table, err := read()
	must(t, err)
	for _, row := range table {
		switch {
		case row.LocalPort != uint64(l.at.port):
		case row.Inode == l.sockIno:
			pending = int(row.RxQueue)
		case row.Inode != 0 && 1<<row.St&tcpActive != 0:
			active++
		}
	}
	return pending, active
}

// scrap empties the queue for the next round.
func (m *tcpModel) scrap() {
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
