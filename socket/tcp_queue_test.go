package socket

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTCPAllocatesNothing(t *testing.T) {
	versions(t, func(t *testing.T, o Options) {
		l := published(t, o, 1)
		d := diag(t)
		client := connected(t, o.Path)
		defer unix.Close(client)
		defer unix.Close(accepted(t, l))
		defer unix.Close(connected(t, o.Path))
		pending(t, d, l, 1)
		buf := make([]uint64, 0, 100)
		for what, f := range map[string]func() error{
			"Queue":            func() error { _, err := d.Queue(l); return err },
			"Busy":             func() error { _, err := d.Busy(l); return err },
			"Mend, published":  func() error { _, err := d.Mend(l, true); return err },
			"Mend":             func() error { _, err := d.Mend(l, false); return err },
			"Accepted":         func() error { _, err := d.Accepted(client); return err },
			"Peers":            func() error { _, err := d.Peers(l, buf); return err },
			"listening or not": func() error { _, err := d.listenerTCP(l); return err },
		} {
			must(t, f())
			if n := testing.AllocsPerRun(100, func() { f() }); n != 0 {
				t.Errorf("%s: %v allocations", what, n)
			}
		}
	})
}

// Other ports of this host cost nothing but the kernel's look at them.
func TestTCPOtherPortsAreNotDumped(t *testing.T) {
	o, other := tcpOptions(t, "127.0.0.1"), tcpOptions(t, "127.0.0.1")
	l, neighbour := published(t, o, 1), published(t, other, 1)
	d := diag(t)
	for range 200 {
		defer unix.Close(connected(t, other.Path))
		defer unix.Close(accepted(t, neighbour))
	}
	defer unix.Close(connected(t, o.Path))
	defer unix.Close(accepted(t, l))
	seen := 0
	must(t, d.tcpDump(unix.AF_INET, l.at.port, anyState, func(tcpReport) { seen++ }))
	if q := ask(t, d, l); seen != 2 || q.Active != 1 {
		t.Errorf("%d shown, %+v", seen, q)
	}
}

// A dump in many parts is counted right.
func TestTCPLargeDump(t *testing.T) {
	o := tcpOptions(t, "127.0.0.1")
	o.Backlog = 1000
	l := published(t, o, 1)
	d := diag(t)
	for range 400 {
		defer unix.Close(connected(t, o.Path))
		defer unix.Close(accepted(t, l))
	}
	if q := ask(t, d, l); q.Active != 400 || q.Pending != 0 {
		t.Errorf("%+v", q)
	}
	if n := testing.AllocsPerRun(10, func() { d.Queue(l) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// At every address of the host, IPv4 clients of an IPv6 socket count, too.
func TestTCPEveryAddress(t *testing.T) {
	for _, address := range []string{"0.0.0.0", "[::]"} {
		o := tcpOptions(t, address)
		l := published(t, o, 1)
		d := diag(t)
		at := l.at
		_, port, err := net.SplitHostPort(o.Path[len(tcpScheme):])
		must(t, err)
		client := connected(t, tcpScheme+"127.0.0.1:"+port)
		defer unix.Close(client)
		defer unix.Close(accepted(t, l))
		own, err := l.Connect()
		must(t, err)
		defer unix.Close(own)
		pending(t, d, l, 1)
		if q := ask(t, d, l); q.Active != 1 {
			t.Errorf("%s: %+v", address, q)
		}
		if is, err := d.Accepted(client); !is || err != nil {
			t.Errorf("%s: accepted %v, %v", address, is, err)
		}
		if all, err := d.Peers(l, nil); err != nil || len(all) != 1 || !holds(os.Getpid(), uint32(all[0])) {
			t.Errorf("%s: peers %v, %v", address, all, err)
		}
		// Somebody at one of the addresses gets part of what is ours.
		at.every, at.family = false, unix.AF_INET
		at.addr = [16]byte{127, 0, 0, 1}
		fd, err := rival(at, true)
		must(t, err)
		if err := Prepare(o); err == nil {
			t.Errorf("%s: not seen", address)
		}
		unix.Close(fd)
	}
}

// A peer's inode is the client's, and only an accepted one's.
func TestTCPPeers(t *testing.T) {
	versions(t, func(t *testing.T, o Options) {
		l := published(t, o, 1)
		d := diag(t)
		var want uint64
		for i := range 2 {
			client := connected(t, o.Path)
			defer unix.Close(client)
			var st unix.Stat_t
			if must(t, unix.Fstat(client, &st)); i == 0 {
				want = st.Ino
				defer unix.Close(accepted(t, l))
			}
		}
		if got, err := d.Peers(l, []uint64{7}); err != nil || len(got) != 2 || got[1] != want {
			t.Errorf("%v, %v; want %d", got, err, want)
		}
		if n, err := ActiveIn(l, nil); n != 1 || err != nil {
			t.Errorf("active %d, %v", n, err)
		}
	})
}

func TestTCPReadyAndDrained(t *testing.T) {
	versions(t, func(t *testing.T, o Options) {
		l := published(t, o, 1)
		d := diag(t)
		ctx := context.Background()
		c, start := waitingBackend(t, l)
		ready := make(chan error, 1)
		go func() { ready <- Ready(ctx, l) }()
		pending(t, d, l, 1) // the connection of Ready's own
		start()
		must(t, <-ready)
		client := connected(t, o.Path)
		eventually(t, "active", func() bool { return ask(t, d, l).Active > 0 })
		must(t, Quiet(ctx, l, time.Millisecond))
		next := published(t, o, 2)
		must(t, unix.Close(client))
		must(t, Drained(ctx, l, nil))
		must(t, Quiet(ctx, l, time.Minute))
		must(t, Ready(ctx, l)) // nobody can come any more, and nobody waits
		must(t, c.Process.Kill())
		c.Wait()
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if err := Ready(ended, next); !errors.Is(err, context.Canceled) {
			t.Errorf("ready without a backend: %v", err)
		}
	})
}

// The backlog is full: a connection is not made, and not refused.
func TestTCPFull(t *testing.T) {
	o := tcpOptions(t, "127.0.0.1")
	o.Backlog = 1
	l := published(t, o, 1)
	d := diag(t)
	defer unix.Close(connected(t, o.Path))
	defer unix.Close(connected(t, o.Path))
	pending(t, d, l, 2)
	if fd, err := l.Connect(); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("connected: %d, %v", fd, err)
	}
	unix.Close(accepted(t, l))
	fd, err := l.Connect()
	must(t, err)
	unix.Close(fd)
}
