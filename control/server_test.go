package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAnswersARequest(t *testing.T) {
	path := serve(t, Access{}, func(_ context.Context, r Request) Answer {
		return Answer{Error: "e", Hint: "h", Body: json.RawMessage("{\n\"op\":\t\"" + r.Op + "\"}")}
	})
	if a := ask(t, path, "status"); a.Error != "e" || a.Hint != "h" || string(a.Body) != `{"op":"status"}` {
		t.Errorf("%+v", a)
	}
}

func TestAnswerThatIsNotJSON(t *testing.T) {
	path := serve(t, Access{}, func(context.Context, Request) Answer { return Answer{Body: []byte("{")} })
	if a := ask(t, path, "status"); !strings.Contains(a.Error, "cannot answer") {
		t.Errorf("%+v", a)
	}
}

func TestBadRequests(t *testing.T) {
	path := serve(t, Access{}, echo)
	for line, want := range badLines {
		conn := dialRaw(t, path)
		fmt.Fprintf(conn, "%s\n", line)
		if a := readAnswer(t, conn); !strings.Contains(a.Error, "cannot read the request") || !strings.Contains(a.Error, want) {
			t.Errorf("%q: %+v; want %q", line, a, want)
		}
	}
	for input, want := range map[string]string{
		`{"op":"status"}`:                       "without a newline",
		"{\"op\":\"status\"}\n{\"op\":\"x\"}\n": "more than one line",
		long('x', 1<<20):                        "too long",
	} {
		conn := dialRaw(t, path)
		conn.Write([]byte(input)) // fails where the server refuses before the end
		conn.CloseWrite()
		if a := readAnswer(t, conn); !strings.Contains(a.Error, want) {
			t.Errorf("%.40q: %+v; want %q", input, a, want)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if a, err := Ask(ctx, path, Request{Op: long('x', 1<<20)}); err != nil || !strings.Contains(a.Error, "too long") {
		t.Errorf("Ask with 1 MiB: %+v, %v", a, err)
	}
}

func TestSlowClientIsToldAndHoldsUpNobody(t *testing.T) {
	path := serve(t, Access{}, echo, func(s *Server) { s.lineTime = time.Second })
	slow := dialRaw(t, path)
	fmt.Fprint(slow, `{"op":`)
	if a := ask(t, path, "status"); a.Error != "" {
		t.Errorf("beside a slow client: %+v", a)
	}
	if a := readAnswer(t, slow); !strings.Contains(a.Error, "no whole line came within") {
		t.Errorf("%+v", a)
	}
}

func TestClientThatDoesNotReadIsLeft(t *testing.T) {
	body := json.RawMessage(`"` + long('x', 1<<22) + `"`) // more than a socket's buffer
	path := serve(t, Access{}, func(context.Context, Request) Answer { return Answer{Body: body} },
		func(s *Server) { s.writeTime = 50 * time.Millisecond })
	conn := dialRaw(t, path)
	fmt.Fprintln(conn, `{"op":"status"}`)
	// The server hangs up although nobody has read: POLLHUP comes by itself.
	p := []unix.PollFd{{Fd: int32(fdOf(t, conn))}}
	for p[0].Revents&unix.POLLHUP == 0 {
		if n, err := unix.Poll(p, 30_000); n == 0 || err != nil && err != unix.EINTR {
			t.Fatalf("poll: %d, %v", n, err)
		}
	}
}

func fdOf(t *testing.T, conn *net.UnixConn) (fd uintptr) {
	raw, err := conn.SyscallConn()
	if err == nil {
		err = raw.Control(func(f uintptr) { fd = f })
	}
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func TestHangUpEndsTheContext(t *testing.T) {
	begun, ended := make(chan struct{}, 1), make(chan struct{}, 1)
	path := serve(t, Access{}, func(ctx context.Context, r Request) Answer {
		begun <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return Answer{}
	}, func(s *Server) { s.lineTime = time.Second })
	conn := dialRaw(t, path)
	fmt.Fprintln(conn, `{"op":"restart"}`)
	wait(t, begun)
	time.Sleep(1100 * time.Millisecond) // lineTime is for the line, not for the answer
	conn.Close()
	wait(t, ended)

	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-begun; cancel() }()
	if _, err := Ask(ctx, path, Request{Op: "stop"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Ask: %v", err)
	}
	wait(t, ended)
}

func TestHalfCloseIsNoHangUp(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	path := serve(t, Access{}, func(ctx context.Context, r Request) Answer {
		close(begun)
		<-release
		return Answer{Error: fmt.Sprint(ctx.Err())}
	})
	conn := dialRaw(t, path)
	fmt.Fprintln(conn, `{"op":"restart"}`)
	wait(t, begun)
	fmt.Fprintln(conn, "and more") // wakes the watch
	conn.CloseWrite()              // and again
	for range 1000 {
		runtime.Gosched() // time to go wrong
	}
	close(release)
	if a := readAnswer(t, conn); a.Error != "<nil>" {
		t.Errorf("a client that still listens was taken for gone: %+v", a)
	}
}

func wait(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(30 * time.Second):
		t.Fatal("waited in vain")
	}
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	s, err := Listen(path, Access{}, -1)
	if err != nil {
		t.Fatal(err)
	}
	s.lineTime = time.Hour
	begun, served := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(served)
		s.Serve(context.Background(), notStatus, func(ctx context.Context, _ Request) Answer {
			close(begun)
			<-ctx.Done()
			return Answer{Error: "keepone is ending"}
		}, nil)
	}()
	idle, busy := dialRaw(t, path), dialRaw(t, path)
	fmt.Fprintln(busy, `{"op":"restart"}`)
	<-begun
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wait(t, served)
	for _, conn := range []net.Conn{idle, busy} {
		if a := readAnswer(t, conn); !strings.Contains(a.Error, "keepone is ending") {
			t.Errorf("%+v", a)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
}
