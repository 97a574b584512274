package socket

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTCPAddresses(t *testing.T) {
	for path, want := range map[string]string{
		"tcp://localhost:8000":            "in numbers",
		"tcp://127.0.0.1":                 "in numbers",
		"tcp://:8000":                     "in numbers",
		"tcp://::1:8000":                  "in numbers",
		"tcp://127.0.0.1:8000/":           "in numbers",
		"tcp://127.0.0.1:0":               "port",
		"tcp://[fe80::1%lo]:8000":         "zone",
		"tcp://[::ffff:127.0.0.1]:8000":   "tcp://127.0.0.1:8000",
		"tcp://224.0.0.1:8000":            "multicast",
		"tcp://127.0.0.1:8000,tcp://[::]": "in numbers",
	} {
		_, bind := Bind(Options{Path: path}, 1)
		_, _, listens := Listening(path)
		for _, err := range []error{Prepare(Options{Path: path}), bind, listens} {
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if _, err := Bind(Options{Path: "tcp://192.0.2.1:8000"}, 1); !errors.Is(err, unix.EADDRNOTAVAIL) {
		t.Errorf("an address of others: %v", err)
	}
}

// Somebody who listens without sharing is refused from the beginning, and named.
func TestTCPInUse(t *testing.T) {
	versions(t, func(t *testing.T, o Options) {
		must(t, Prepare(o))
		c := &exec.Cmd{Env: []string{"SOCKET_TEST_PATH=" + o.Path}}
		_, err := c.StdinPipe()
		must(t, err)
		if said := play(t, c, "listener"); said != "listening\n" {
			t.Fatal(said)
		}
		_, bind := Bind(o, 1)
		for _, err := range []error{Prepare(o), bind} {
			var inUse *InUseError
			if !errors.As(err, &inUse) || len(inUse.Holders) != 1 || inUse.Holders[0].PID != c.Process.Pid || !strings.Contains(err.Error(), o.Path) {
				t.Errorf("error %v", err)
			}
		}
		must(t, Prepare(o, c.Process.Pid))
		if live, who, err := Listening(o.Path); !live || len(who) != 1 || err != nil {
			t.Errorf("%v, %v, %v", live, who, err)
		}
	})
}

// Who listens at every IPv6 address alone is in nobody's way with IPv4.
func TestTCPBesideIPv6(t *testing.T) {
	o := tcpOptions(t, "127.0.0.1")
	a, err := o.tcpAddress()
	must(t, err)
	for alone, want := range map[int]bool{0: true, 1: false} {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Skip(err)
		}
		must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, alone))
		must(t, unix.Bind(fd, &unix.SockaddrInet6{Port: int(a.port)}))
		must(t, unix.Listen(fd, 1))
		if err := Prepare(o); (err != nil) != want {
			t.Errorf("for IPv6 alone %d: error %v", alone, err)
		}
		unix.Close(fd)
	}
}

// A program of the same user can share the port. It is refused when it is there
// before, told when it comes later, and named once.
func TestTCPSomebodyShares(t *testing.T) {
	versions(t, func(t *testing.T, o Options) {
		d := diag(t)
		l := published(t, o, 1)
		c := &exec.Cmd{Env: []string{"SOCKET_TEST_PATH=" + o.Path, "SOCKET_TEST_SHARE=1"}}
		_, err := c.StdinPipe()
		must(t, err)
		if said := play(t, c, "listener"); said != "listening\n" {
			t.Fatal(said)
		}
		first := mended(t, d, l, true)
		var inUse *InUseError
		if !errors.As(first.InTheWay, &inUse) || len(inUse.Holders) != 1 || inUse.Holders[0].PID != c.Process.Pid || first.Path {
			t.Fatalf("%+v", first)
		}
		if again := mended(t, d, l, true); again != first {
			t.Errorf("asked again who it is: %+v", again)
		}
		if n := testing.AllocsPerRun(10, func() { d.Mend(l, true) }); n != 0 {
			t.Errorf("%v allocations while it stays", n)
		}
		if c := mended(t, d, l, false); c != (Cure{}) {
			t.Errorf("a generation that drains: %+v", c)
		}
		for n := 1; n < 20; n++ {
			unix.Close(connected(t, o.Path)) // it gets nothing
			pending(t, d, l, n)
		}
		next := bound(t, o, 2)
		if err := next.Publish(); !errors.As(err, &inUse) || !l.Published() {
			t.Errorf("published beside it: %v", err)
		}
		c.Process.Kill()
		c.Wait()
		if c := mended(t, d, l, true); c != (Cure{}) {
			t.Errorf("%+v", c)
		}
		must(t, next.Publish())
	})
}

func TestTCPMendBacklog(t *testing.T) {
	o := tcpOptions(t, "127.0.0.1")
	l := published(t, o, 1)
	d := diag(t)
	for _, isPublished := range []bool{true, false} {
		vandal(t, l, "listen")
		if q := ask(t, d, l); q.Backlog != 5 {
			t.Fatalf("%+v", q)
		}
		if c := mended(t, d, l, isPublished); c != (Cure{Backlog: true}) {
			t.Errorf("%+v", c)
		}
		if q := ask(t, d, l); q.Backlog != 64 {
			t.Errorf("%+v", q)
		}
	}
	vandal(t, l, "nonblock")
	if cleared, err := l.Blocking(); !cleared || err != nil {
		t.Errorf("%v, %v", cleared, err)
	}
	o = tcpOptions(t, "127.0.0.1")
	o.Backlog = 1 << 30 // net.core.somaxconn cuts it
	l = published(t, o, 1)
	for range 2 {
		if c := mended(t, d, l, true); c != (Cure{}) {
			t.Errorf("%+v", c)
		}
	}
}

// Another process shuts the socket down: that is told at once, and the next
// generation takes over. Whoever lets the old one listen anew gets nothing.
func TestTCPShutDown(t *testing.T) {
	versions(t, func(t *testing.T, o Options) {
		d := diag(t)
		w, err := OpenWatch()
		must(t, err)
		defer w.Close()
		l := bound(t, o, 1)
		must(t, w.Add(l))
		must(t, l.Publish())
		must(t, w.Add(l))
		waits := connected(t, o.Path) // does not wake
		defer unix.Close(waits)
		woken := make(chan error, 1)
		go func() {
			for mended(t, d, l, true).Broken == nil {
				if err := w.Wait(context.Background()); err != nil {
					woken <- err
					return
				}
			}
			woken <- nil
		}()
		vandal(t, l, "shutdown")
		must(t, <-woken)
		if c := mended(t, d, l, true); !errors.Is(c.Broken, ErrShutDown) || c != (Cure{Broken: c.Broken}) || !strings.Contains(c.Broken.Error(), o.Path) {
			t.Errorf("%+v", c)
		}
		if q := ask(t, d, l); q != (Queue{ShutDown: true}) || !q.idle() {
			t.Errorf("%+v", q)
		}
		if _, err := l.Connect(); !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("error %v", err)
		}
		if err := l.Relisten(); !errors.Is(err, ErrShutDown) {
			t.Errorf("error %v", err)
		}
		next := published(t, o, 2)
		unix.Close(connected(t, o.Path))
		pending(t, d, next, 1)
		vandal(t, l, "listen")
		if c := mended(t, d, next, true); c != (Cure{Path: true}) {
			t.Errorf("%+v", c)
		}
		for n := 2; n < 20; n++ {
			unix.Close(connected(t, o.Path))
			pending(t, d, next, n)
		}
	})
}
