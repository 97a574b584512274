package control

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// serveQuick answers status questions quickly and everything else by echo.
func serveQuick(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c")
	s, err := Listen(path, Access{}, -1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	line := []byte(`{"body":{"quick":true}}` + "\n")
	go func() {
		served <- s.Serve(ctx, notStatus, echo, func(buf []byte) []byte { return append(buf, line...) })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return path
}

func TestQuick(t *testing.T) {
	path := serveQuick(t)
	if a, err := Ask(t.Context(), path, Request{Op: "status"}); err != nil || string(a.Body) != `{"quick":true}` {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err := Ask(t.Context(), path, Request{Op: "restart"}); err != nil || string(a.Body) != `{"op":"restart"}` {
		t.Errorf("%+v, %v", a, err)
	}
}

// Whatever is not that one line, and whole, takes the usual way and loses no
// byte.
func TestNotQuick(t *testing.T) {
	path := serveQuick(t)
	for _, parts := range [][]string{
		{`{"op":"status","now":true}` + "\n"},
		{` {"op":"status"}` + "\n"},
		{`{"op":"sta`, `tus"}` + "\n"},
	} {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range parts {
			if i > 0 { // the first part is on its way into the server
				time.Sleep(2 * quickWait * time.Millisecond)
			}
			io.WriteString(conn, part)
		}
		answer, err := io.ReadAll(conn)
		if err != nil || !bytes.Contains(answer, []byte(`"op":"status"`)) {
			t.Errorf("%q: %q, %v", parts, answer, err)
		}
		conn.Close()
	}
}

// A client that says nothing holds up nobody.
func TestQuickBesideSilence(t *testing.T) {
	path := serveQuick(t)
	for range 10 {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if a, err := Ask(t.Context(), path, Request{Op: "status"}); err != nil || a.Error != "" {
		t.Errorf("%+v, %v", a, err)
	}
}

// The gate of law 4: a question leaves next to nothing, where the usual way
// leaves kilobytes.
func TestQuickLeavesNoGarbage(t *testing.T) {
	path := serveQuick(t)
	address := &net.UnixAddr{Name: path, Net: "unix"}
	question, answer := []byte(quickLine), make([]byte, 64)
	client := func() { // what it allocates itself is measured against a server that is not ours
		conn, err := net.DialUnix("unix", nil, address)
		if err != nil {
			t.Fatal(err)
		}
		conn.Write(question)
		if n, err := io.ReadFull(conn, answer[:24]); err != nil {
			t.Fatal(n, err)
		}
		conn.Close()
	}
	quick := allocated(client)
	usual := filepath.Join(t.TempDir(), "other")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: usual, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.AcceptUnix()
			if err != nil {
				return
			}
			fmt.Fprint(conn, `{"body":{"quick":true}}`+"\n")
			conn.Close()
		}
	}()
	address.Name = usual
	if bare := allocated(client); quick > bare {
		t.Errorf("%d bytes for a quick answer, %d with a bare net.Listener", quick, bare)
	}
}

// allocated is what f allocates in the whole process, in bytes per call.
func allocated(f func()) uint64 {
	const n = 200
	f()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / n
}
