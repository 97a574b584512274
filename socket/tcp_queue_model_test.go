package socket

import (
	"fmt"
	"os"
	"strings"
	"testing"

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

// tcpSecondOpinion counts in /proc/net/tcp or tcp6, proc_pid_net(5): the receive
// queue of who listens, and accepted connections with two open ends.
func tcpSecondOpinion(t *testing.T, l *Listener) (pending, active int) {
	file := "/proc/net/tcp"
	if l.at.family == unix.AF_INET6 {
		file += "6"
	}
	text, err := os.ReadFile(file)
	must(t, err)
	port := fmt.Sprintf(":%04X ", l.at.port)
	for row := range strings.Lines(string(text)) {
		f := strings.Fields(row)
		if !strings.HasSuffix(f[1]+" ", port) {
			continue
		}
		var state, sends, receives, inode int
		_, err := fmt.Sscanf(f[3]+" "+f[4], "%x %x:%x", &state, &sends, &receives)
		must(t, err)
		_, err = fmt.Sscan(f[9], &inode)
		must(t, err)
		switch {
		case uint64(inode) == l.sockIno:
			pending = receives
		case inode != 0 && 1<<state&tcpActive != 0:
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
