package socket

import (
	"encoding/binary"
	"errors"
	"os/exec"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// inode is what fstat(2) says of a socket: the N of /proc/PID/fd.
func inode(t *testing.T, fd int) uint64 {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Fstat(fd, &st))
	return st.Ino
}

func peers(t *testing.T, d *Diag, l *Listener, buf []uint64) []uint64 {
	t.Helper()
	got, err := d.Peers(l, buf)
	must(t, err)
	slices.Sort(got[len(buf):])
	return got
}

// Exactly those are told whose connection was accepted and who are still
// there: nobody of another socket, whatever it is called.
func TestPeers(t *testing.T) {
	o := options(t)
	l, d := published(t, o, 1), diag(t)
	other := published(t, Options{Path: o.Path + "2", UID: -1, GID: -1, Mode: 0o600, Backlog: 8}, 1)
	defer unix.Close(connected(t, o.Path+"2"))
	defer unix.Close(accepted(t, other))
	defer forge(t, l)()
	if got := peers(t, d, l, nil); len(got) != 0 {
		t.Errorf("nobody is connected: %v", got)
	}
	var clients, servers []int
	want := []uint64{7}
	for range 3 {
		clients = append(clients, connected(t, o.Path))
		servers = append(servers, accepted(t, l))
		want = append(want, inode(t, clients[len(clients)-1]))
	}
	slices.Sort(want[1:])
	defer unix.Close(connected(t, o.Path)) // waits
	if got := peers(t, d, l, []uint64{7}); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	gone := slices.Index(want, inode(t, clients[1]))
	unix.Close(clients[1])
	unix.Close(servers[1])
	want = slices.Delete(want, gone, gone+1)
	if got := peers(t, d, l, []uint64{7}); !slices.Equal(got, want) {
		t.Errorf("after one has gone: %v, want %v", got, want)
	}
	gone = slices.Index(want, inode(t, clients[2]))
	unix.Close(clients[2]) // and the backend does not care
	defer unix.Close(servers[2])
	want = slices.Delete(want, gone, gone+1)
	if got := peers(t, d, l, []uint64{7}); !slices.Equal(got, want) {
		t.Errorf("after one has given up: %v, want %v", got, want)
	}
	unix.Close(clients[0])
	unix.Close(servers[0])
}

// Another process's connection is told by the inode that /proc shows there.
func TestPeersOfAnotherProcess(t *testing.T) {
	o := options(t)
	l, d := published(t, o, 1), diag(t)
	c := &exec.Cmd{Env: []string{"SOCKET_TEST_PATH=" + o.Path}}
	_, err := c.StdinPipe() // kept open by c
	must(t, err)
	play(t, c, "client")
	defer unix.Close(accepted(t, l))
	got := peers(t, d, l, nil)
	if len(got) != 1 || !holds(c.Process.Pid, uint32(got[0])) {
		t.Errorf("%v", got)
	}
}

// Kernels that show who waits show it with a peer and without an inode.
func TestPeersOfWhoWaits(t *testing.T) {
	l := bound(t, options(t), 1)
	e := binary.NativeEndian
	d := patient(t, func(n int, seq uint32) [][]byte {
		if n == 0 {
			body := about(10, 0)
			body[2] = stateListen
			return [][]byte{encode(diagByFamily, 0, seq, body)}
		}
		var b []byte
		for ino := range uint32(2) {
			body := e.AppendUint32(e.AppendUint16(e.AppendUint16(about(ino, 0), 8), attrPeer), 90+ino)
			b = append(b, encode(diagByFamily, 2, seq, body)...)
		}
		return [][]byte{append(b, encode(unix.NLMSG_DONE, 2, seq, []byte{0, 0, 0, 0})...)}
	})
	if got := peers(t, d, l, nil); !slices.Equal(got, []uint64{91}) {
		t.Errorf("%v", got)
	}
}

// A crowd is not needed to see whose they are.
func TestPeersOfACrowd(t *testing.T) {
	o := options(t)
	l, d := published(t, o, 1), diag(t)
	for range peersMost + 6 {
		defer unix.Close(connected(t, o.Path))
		defer unix.Close(accepted(t, l))
	}
	got := peers(t, d, l, make([]uint64, 1))
	slices.Sort(got)
	if got = slices.Compact(got); len(got) != 1+peersMost {
		t.Errorf("%d", len(got)-1)
	}
	buf := make([]uint64, 0, peersMost)
	if n := testing.AllocsPerRun(100, func() { d.Peers(l, buf) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPeersErrors(t *testing.T) {
	o := options(t)
	l := bound(t, o, 1)
	l.Close()
	got, err := diag(t).Peers(l, []uint64{1, 2})
	if !errors.Is(err, unix.ENOENT) || !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("of a closed one: %v, %v", got, err)
	}
	// A dump that fails in the middle leaves buf as it was.
	e := binary.NativeEndian
	d := patient(t, func(n int, seq uint32) [][]byte {
		if n == 0 {
			body := about(10, 0)
			body[2] = stateListen
			return [][]byte{encode(diagByFamily, 0, seq, body)}
		}
		body := e.AppendUint32(e.AppendUint16(e.AppendUint16(about(11, 0), 8), attrPeer), 99)
		busy := e.AppendUint32(nil, uint32(0x100000000-int64(unix.EBUSY)))
		return [][]byte{encode(diagByFamily, 2, seq, body), encode(unix.NLMSG_DONE, 2, seq, busy)}
	})
	if got, err := d.Peers(l, []uint64{1}); !errors.Is(err, unix.EBUSY) || !slices.Equal(got, []uint64{1}) {
		t.Errorf("of a dump that failed: %v, %v", got, err)
	}
}
