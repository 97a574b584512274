package probe

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAskEndsWithItsContext(t *testing.T) {
	for _, c := range []struct{ protocol, sent string }{
		{FastCGI, ""},
		{FastCGI, rec(stderr, "one word")[:9]},
		{HTTP, ""},
		{HTTP, "HTTP/1.1 20"},
		{HTTP, "HTTP/1.1 200 OK\r\n\r\nhello"},
		{FastCGIValues, ""},
		{FastCGIValues, "\x01\x0a\x00"},
	} {
		ctx, cancel := context.WithCancel(within(t))
		fd, peer := pair(t)
		done := make(chan error, 1)
		go func() { done <- newProbe(t, Request{Protocol: c.protocol}).Ask(ctx, fd) }()
		_, err := peer.Read(make([]byte, 64<<10)) // it has asked
		must(t, err)
		io.WriteString(peer, c.sent)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%s after %q: %v", c.protocol, c.sent, err)
		}
		if n, err := peer.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%s: the connection is open", c.protocol)
		}
	}
}

func TestAskAfterItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	fd, peer := pair(t)
	if err := newProbe(t, Request{Protocol: HTTP}).Ask(ctx, fd); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n, err := peer.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("it asked %d bytes, %v", n, err)
	}
}

// A peer that sends a few bytes now and then, for ever, is ended by the bound.
func TestAskEndsAnEndlessAnswer(t *testing.T) {
	fd, peer := pair(t)
	ended := make(chan error, 1)
	go func() {
		_, err := io.WriteString(peer, "HTTP/1.1 200 OK\r\n\r\n")
		for range maxAnswer {
			if err == nil {
				_, err = peer.Write([]byte("a few bytes at a time"))
			}
		}
		ended <- err
	}()
	expect(t, newProbe(t, Request{Protocol: HTTP}).Ask(within(t), fd), "larger than 1 MiB")
	if err := <-ended; err == nil {
		t.Error("the peer could go on")
	}
}

func TestAskReadsWhatCameBeforeAClose(t *testing.T) {
	fd, peer := pair(t)
	io.WriteString(peer, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
	peer.Close() // the request will fail with EPIPE
	expect(t, newProbe(t, Request{Protocol: HTTP}).Ask(within(t), fd), "the status is 503")

	fd, peer = pair(t)
	peer.Close()
	expect(t, newProbe(t, Request{Protocol: HTTP}).Ask(within(t), fd), "closed without an answer")
}

func TestAskTakesABlockingDescriptorAndClosesIt(t *testing.T) {
	fd, peer := pair(t)
	must(t, unix.SetNonblock(fd, false))
	io.WriteString(peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	must(t, newProbe(t, Request{Protocol: HTTP}).Ask(within(t), fd))
	if _, err := io.ReadAll(peer); err != nil {
		t.Error(err)
	}
	if err := newProbe(t, Request{Protocol: HTTP}).Ask(within(t), -1); !errors.Is(err, os.ErrInvalid) {
		t.Error(err)
	}
}

// A health probe runs for ever: what it leaves behind is an os.File and what
// ties it to ctx, and it does not grow with the answer.
func TestAskLeavesLittleBehind(t *testing.T) {
	const most, mostBytes = 16, 1024
	for protocol, answer := range map[string]string{
		HTTP:          "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		FastCGI:       rec(stderr, "a warning") + rec(stdout, "Status: 200\r\n"+page) + rec(stdout, string(make([]byte, 50000))) + end(0),
		FastCGIValues: string(appendRecord(nil, valuesResult, management, nil)),
	} {
		p, ctx := newProbe(t, Request{Protocol: protocol}), within(t)
		var before, after runtime.MemStats
		whole, bytes := []byte(answer), uint64(0)
		count := testing.AllocsPerRun(100, func() {
			fds, _ := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
			unix.Write(fds[1], whole)
			runtime.ReadMemStats(&before)
			err := p.Ask(ctx, fds[0])
			runtime.ReadMemStats(&after)
			bytes = after.TotalAlloc - before.TotalAlloc
			unix.Close(fds[1])
			must(t, err)
		})
		t.Logf("%s: %v allocations, %d bytes", protocol, count, bytes)
		if count > most || bytes > mostBytes {
			t.Errorf("%s: %v allocations, %d bytes", protocol, count, bytes)
		}
	}
}
