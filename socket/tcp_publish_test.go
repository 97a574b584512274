package socket

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Who was at the former generation is served by it: accepted, pending, and half
// way through the handshake.
func TestTCPFormerGenerationFinishes(t *testing.T) {
	versions(t, func(t *testing.T, o Options) {
		d := diag(t)
		first := bound(t, o, 1)
		must(t, unix.SetsockoptInt(first.Fd(), unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 5)) // the handshake ends with data
		must(t, first.Publish())
		handshake := connected(t, o.Path)
		defer unix.Close(handshake)
		second := published(t, o, 2)
		drained := make(chan error, 1)
		progress := make(chan Queue, 100)
		go func() { drained <- Drained(context.Background(), first, func(q Queue) { progress <- q }) }()
		if q := <-progress; q.Pending != 1 {
			t.Errorf("the handshake is not seen: %+v", q)
		}
		_, err := unix.Write(handshake, []byte("x"))
		must(t, err)
		pending(t, d, first, 1)
		if q := ask(t, d, second); q.Pending != 0 {
			t.Errorf("%+v", q)
		}
		server := accepted(t, first)
		if n, err := unix.GetsockoptInt(server, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX); err != nil || n != 0 {
			t.Errorf("accepted on interface %d, %v", n, err)
		}
		_, err = unix.Write(server, []byte("yz"))
		must(t, err)
		b := make([]byte, 4)
		if n, err := unix.Read(handshake, b); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		must(t, unix.Close(server))
		must(t, <-drained)
	})
}

func TestTCPWithdraw(t *testing.T) {
	versions(t, func(t *testing.T, o Options) {
		d := diag(t)
		l := published(t, o, 1)
		client := connected(t, o.Path)
		defer unix.Close(client)
		for range 2 {
			must(t, l.Withdraw())
			if fd, err := dial(o.Path); !errors.Is(err, unix.ECONNREFUSED) || l.Published() {
				t.Errorf("connected: %d, %v", fd, err)
			}
		}
		if _, err := l.Connect(); !errors.Is(err, ErrSuperseded) {
			t.Errorf("error %v", err)
		}
		if q := ask(t, d, l); q != (Queue{Pending: 1, Backlog: 64}) {
			t.Errorf("%+v", q)
		}
		server := accepted(t, l)
		_, err := unix.Write(server, []byte("x"))
		must(t, err)
		if n, err := unix.Read(client, make([]byte, 4)); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		must(t, unix.Close(server))
		must(t, l.Close())
		must(t, l.Close())
		published(t, o, 2)
		unix.Close(connected(t, o.Path))
	})
}

// keepone was killed between two steps of Publish: the former generation is not
// taken for the published one, and is hidden at the next look.
func TestTCPHalfPublished(t *testing.T) {
	versions(t, func(t *testing.T, o Options) {
		d := diag(t)
		first := published(t, o, 1)
		second := bound(t, o, 2)
		must(t, unix.SetsockoptInt(first.Fd(), unix.SOL_SOCKET, unix.SO_REUSEPORT, 0))
		if !first.Published() {
			t.Error("alone it is published")
		}
		must(t, unix.Listen(second.Fd(), 64))
		again, err := Adopt(o, 2, second.Fd())
		must(t, err)
		if first.Published() || !again.Published() {
			t.Errorf("published: %v, %v", first.Published(), again.Published())
		}
		if c := mended(t, d, again, true); c != (Cure{Path: true}) {
			t.Errorf("%+v", c)
		}
		if c := mended(t, d, again, true); c != (Cure{}) {
			t.Errorf("%+v", c)
		}
		unix.Close(connected(t, o.Path))
		pending(t, d, again, 1)
		third := published(t, o, 3)
		unix.Close(connected(t, o.Path))
		pending(t, d, third, 1)
	})
}

// A former generation that cannot be hidden, for it is in another process and
// may not be taken, gets nothing all the same.
func TestTCPBesideOneThatCannotBeTaken(t *testing.T) {
	versions(t, func(t *testing.T, o Options) {
		d := diag(t)
		first := published(t, o, 1)
		second := bound(t, o, 2)
		second.upkeep.beside = uint32(first.SockIno())
		must(t, second.supersede(nil))
		for n := 1; n <= 40; n++ {
			unix.Close(connected(t, o.Path))
			pending(t, d, second, n)
		}
		if c := mended(t, d, second, true); c != (Cure{}) {
			t.Errorf("%+v", c)
		}
		must(t, first.Close())
		unix.Close(connected(t, o.Path))
		pending(t, d, second, 41)
	})
}

// What an ordinary user may do is enough.
func TestTCPAsOrdinaryUser(t *testing.T) {
	root(t, "another user")
	c := exec.Command("/proc/self/exe", "-test.run=^(TestTCPGenerationsUnderFire|TestTCPWithdraw|TestTCPHalfPublished|TestTCPAllocatesNothing|TestTCPBeside.*)$/^4$", "-test.v")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	c.Dir = "/"
	out, err := c.CombinedOutput()
	if err != nil || strings.Count(string(out), "--- PASS") < 5 {
		t.Errorf("%v\n%s", err, out)
	}
}
