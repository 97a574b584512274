package unavailable

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// A talk is a connection to a visit in this process.
type talk struct {
	net.Conn
	done chan struct{} // the visit is over
}

type fataler interface{ Fatal(...any) }

func begin(t fataler, ctx context.Context, p Page) *talk {
	a, err := p.answers()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.SetNonblock(pair[1], true)
	f := os.NewFile(uintptr(pair[0]), "client")
	conn, err := net.FileConn(f)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	c := &talk{conn, make(chan struct{})}
	conn.SetDeadline(time.Now().Add(patience))
	go func() {
		a.visit(ctx, pair[1], bufio.NewReaderSize(nil, bufferSize))
		close(c.done)
	}()
	return c
}

// send writes each part when the one before has been read.
func (c *talk) send(t fataler, parts ...string) {
	for _, part := range parts {
		if _, err := io.WriteString(c, part); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Microsecond) {
			select {
			case <-c.done:
				return
			default:
			}
			if c.unread() == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("nobody reads")
			}
		}
	}
}

// unread is how much of what was sent has not been read.
func (c *talk) unread() (n int) {
	raw, err := c.Conn.(*net.UnixConn).SyscallConn()
	if err == nil {
		raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCOUTQ) })
	}
	return n
}

// answer is everything that comes, up to a clean end.
func (c *talk) answer(t fataler) []byte {
	answer, err := io.ReadAll(c)
	c.Close()
	<-c.done
	if err != nil {
		t.Fatal(err, string(answer))
	}
	return answer
}

func (r request) try(t fataler, parts ...string) {
	c := begin(t, context.Background(), page(r.protocol))
	c.send(t, parts...)
	if err := r.check(c.answer(t)); err != nil {
		t.Fatal(r.protocol, r.name, parts, err)
	}
}

func TestSplitAtEveryByte(t *testing.T) {
	for _, r := range requests {
		t.Run(r.protocol+" "+r.name, func(t *testing.T) {
			r.try(t, r.text)
			if len(r.text) > 1000 {
				return
			}
			for i := 1; i < len(r.text); i++ {
				r.try(t, r.text[:i], r.text[i:])
			}
			r.try(t, strings.Split(r.text, "")...)
		})
	}
}

func TestSplitAnyhow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.SampledFrom(requests).Draw(t, "request")
		var parts []string
		for rest := r.text; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "size")
			parts, rest = append(parts, rest[:n]), rest[n:]
		}
		r.try(t, parts...)
	})
}

// Half of a request that the client gave up is no request.
func TestHalf(t *testing.T) {
	for _, r := range requests {
		if r.interim != "" || len(r.text) > 1000 {
			continue
		}
		for i := range r.text {
			c := begin(t, context.Background(), page(r.protocol))
			c.send(t, r.text[:i])
			c.Conn.(*net.UnixConn).CloseWrite()
			if answer := c.answer(t); len(answer) > 0 {
				t.Fatalf("%s %s: %q is answered with %q", r.protocol, r.name, r.text[:i], answer)
			}
		}
	}
}

// A client that sent everything and left is no trouble.
func TestGone(t *testing.T) {
	for _, r := range requests {
		c := begin(t, context.Background(), page(r.protocol))
		io.WriteString(c, r.text)
		c.Close()
		<-c.done
	}
}

var garbage = []request{
	{name: "version", protocol: "fastcgi", text: "\x02" + fcgiStart(1, 1, 0)[1:]},
	{name: "http", protocol: "fastcgi", text: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{name: "short begin", protocol: "fastcgi", text: fcgi(1, 1, "\x00\x01", 0)},
	{name: "begun twice", protocol: "fastcgi", text: fcgiStart(1, 1, 0) + fcgiStart(1, 1, 0)},
	{name: "fastcgi", protocol: "http", text: fcgiStart(1, 1, 0) + "\n"},
	{name: "http 2", protocol: "http", text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
	{name: "http 0.9", protocol: "http", text: "GET /\r\n"},
	{name: "length", protocol: "http", text: "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"},
	{name: "endless line", protocol: "http", text: "GET /" + strings.Repeat("a", 70000)},
	{name: "endless head", protocol: "http", text: "GET / HTTP/1.1\r\n" + strings.Repeat("a: b\r\n", 12000)},
	{name: "chunk", protocol: "http", text: "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"},
	{name: "chunk's end", protocol: "http", text: "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n"},
	{name: "no size", protocol: "scgi", text: ":CONTENT_LENGTH\x000\x00,"},
	{name: "huge", protocol: "scgi", text: "70000:CONTENT_LENGTH"},
	{name: "too short", protocol: "scgi", text: "5:CONTENT_LENGTH\x000\x00,"},
	{name: "no comma", protocol: "scgi", text: "4:A\x00B\x00;"},
	{name: "length", protocol: "scgi", text: netstring("CONTENT_LENGTH", "many")},
	{name: "beyond", protocol: "uwsgi", text: "\x00\x05\x00\x00\x09\x00abc"},
	{name: "length", protocol: "uwsgi", text: variables("CONTENT_LENGTH", "6x")},
}

// Who does not speak the protocol is hung up on at once, not waited for.
func TestGarbage(t *testing.T) {
	for _, r := range garbage {
		c := begin(t, context.Background(), page(r.protocol))
		io.WriteString(c, r.text)
		select {
		case <-c.done:
		case <-time.After(patience):
			t.Errorf("%s %s: still there", r.protocol, r.name)
		}
		answer, _ := io.ReadAll(c) // a reset where not everything was read
		if len(answer) > 0 {
			t.Errorf("%s %s is answered with %q", r.protocol, r.name, answer)
		}
		c.Close()
	}
}

func TestAnythingIsSurvived(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]string{"fastcgi", "http", "scgi", "uwsgi"}).Draw(t, "protocol")
		text := []byte(rapid.SampledFrom(requests).Draw(t, "request").text)
		for range rapid.IntRange(0, 5).Draw(t, "changes") {
			text[rapid.IntRange(0, len(text)-1).Draw(t, "place")] = rapid.Byte().Draw(t, "byte")
		}
		c := begin(t, context.Background(), page(p))
		c.Write(text)
		c.Close()
		<-c.done
	})
}

func TestAbort(t *testing.T) {
	c := begin(t, context.Background(), page("fastcgi"))
	c.send(t, fcgiStart(1, 1, 0)+fcgi(4, 1, "", 0)+fcgi(5, 1, "some", 0)+fcgi(2, 1, "", 0))
	if got, want := string(c.answer(t)), fcgi(3, 1, "\x00\x00\x00\x00\x00\x00\x00\x00", 0); got != want {
		t.Fatalf("%q", got)
	}
}

// A page of more than one record arrives whole.
func TestLongPage(t *testing.T) {
	p := page("fastcgi")
	p.Text = []byte(strings.Repeat("abc", 70000))
	c := begin(t, context.Background(), p)
	c.send(t, requests[0].text)
	out, _, err := unwrap(c.answer(t), 1)
	if err != nil || !strings.HasSuffix(string(out), "\r\n\r\n"+string(p.Text)) {
		t.Fatal(err, len(out))
	}
}
