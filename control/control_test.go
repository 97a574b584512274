package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

// TestMain lets the test binary act as a client with other credentials.
func TestMain(m *testing.M) {
	if path := os.Getenv("CONTROL_TEST_ASK"); path != "" {
		a, err := Ask(context.Background(), path, Request{Op: os.Getenv("CONTROL_TEST_OP")})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		json.NewEncoder(os.Stdout).Encode(a)
		os.Exit(0)
	}
	if path := os.Getenv("CONTROL_TEST_SERVE_POOR"); path != "" {
		servePoor(path)
	}
	os.Exit(m.Run())
}

func echo(_ context.Context, r Request) Answer {
	body, _ := json.Marshal(r)
	return Answer{Body: body}
}

func notStatus(op string) bool { return op != "status" }

// serve starts a server that ends, and has ended without error, with the test.
func serve(t *testing.T, a Access, answer func(context.Context, Request) Answer, adjust ...func(*Server)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c")
	s, err := Listen(path, a, -1)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range adjust {
		f(s)
	}
	served := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { served <- s.Serve(ctx, notStatus, answer, nil) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-served:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("Serve did not return")
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket file is left behind: %v", err)
		}
	})
	return path
}

func dialRaw(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn.(*net.UnixConn)
}

func readAnswer(t *testing.T, conn net.Conn) Answer {
	t.Helper()
	line, err := readLine(conn, maxAnswer)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	var a Answer
	if err := json.Unmarshal(line, &a); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return a
}

func ask(t *testing.T, path, op string) Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	a, err := Ask(ctx, path, Request{Op: op})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var badLines = map[string]string{ // a whole line to what its refusal contains
	"":                               "empty",
	"GET / HTTP/1.1\r":               "invalid character",
	"\x00\xff\xfe":                   "invalid character",
	"null":                           "0 bytes",
	"{}":                             "0 bytes",
	"[]":                             "cannot unmarshal array",
	`{"op":"status"`:                 "unexpected EOF",
	`{"op":"status","later":true}`:   `unknown field "later"`,
	`{"op":"status"}{"op":"stop"}`:   "follows",
	`{"op":"status"} x`:              "follows",
	`{"op":1}`:                       "cannot unmarshal number",
	`{"op":"stop","now":"yes"}`:      "cannot unmarshal string",
	`{"op":"\u001b[2J"}`:             "small letters",
	`{"op":"` + long('a', 33) + `"}`: "33 bytes",
}

func long(c byte, n int) string { return strings.Repeat(string(c), n) }

func TestParseRefuses(t *testing.T) {
	for line, want := range badLines {
		if r, err := parse([]byte(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parse(%q) = %+v, %v; want an error with %q", line, r, err, want)
		}
	}
}

func TestParseReturnsWhatWasMarshalled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Request{
			Op:      rapid.StringMatching(`[a-z-]{1,32}`).Draw(t, "op"),
			Now:     rapid.Bool().Draw(t, "now"),
			NoCheck: rapid.Bool().Draw(t, "no_check"),
		}
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parse(line); err != nil || got != r {
			t.Fatalf("parse(%q) = %+v, %v", line, got, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for line := range badLines {
		f.Add([]byte(line))
	}
	f.Add([]byte(`{"op":"restart","now":true,"no_check":true}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := parse(line)
		if err != nil {
			if r != (Request{}) {
				t.Fatalf("parse(%q) = %+v beside %v", line, r, err)
			}
			return
		}
		again, _ := json.Marshal(r)
		if got, err := parse(again); err != nil || got != r {
			t.Fatalf("%q became %+v, then %+v, %v", line, r, got, err)
		}
	})
}

func FuzzReadLine(f *testing.F) {
	f.Add([]byte("a\n"), true)
	f.Add([]byte("a\nb"), false)
	f.Add(bytes.Repeat([]byte("x"), 64), false)
	f.Fuzz(func(t *testing.T, input []byte, byByte bool) {
		var r io.Reader = bytes.NewReader(input)
		if byByte {
			r = iotest.OneByteReader(r)
		}
		const limit = 32
		line, err := readLine(r, limit)
		before, after, found := bytes.Cut(input, []byte("\n"))
		switch {
		case err == nil && (!found || !bytes.Equal(line, before) || len(line) >= limit):
			t.Fatalf("readLine(%q) = %q", input, line)
		case err == nil && len(after) > 0 && !byByte && len(input) <= limit:
			t.Fatalf("readLine(%q) overlooked a second line", input)
		case err != nil && found && len(after) == 0 && len(before) < limit:
			t.Fatalf("readLine(%q): %v", input, err)
		}
	})
}

func TestReadLineAtTheLimit(t *testing.T) {
	for n, want := range map[int]error{maxRequest - 1: nil, maxRequest: errTooLong, 1 << 20: errTooLong} {
		line, err := readLine(strings.NewReader(long('x', n)+"\n"), maxRequest)
		if !errors.Is(err, want) || want == nil && len(line) != n {
			t.Errorf("%d bytes: %d bytes, %v; want %v", n, len(line), err, want)
		}
	}
	if _, err := readLine(strings.NewReader("half"), maxRequest); !errors.Is(err, errHalf) {
		t.Errorf("half a line: %v", err)
	}
}
