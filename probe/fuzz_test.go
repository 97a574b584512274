package probe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"testing/iotest"
)

// parse reads an answer from r as Ask does.
func parse(p *Probe, r io.Reader) string {
	p.stderr, p.fields = words{}, header{}
	p.in.reset(r)
	status, err := p.read(p)
	if err != nil {
		err = p.in.explain(context.Background(), err, nil)
		status = 0
	}
	return fmt.Sprint(status, " ", err, " ", p.stderr.text())
}

// check looks that an answer means the same wherever it is cut, and that no
// more is read than there may be.
func check(t *testing.T, r Request, answer []byte) {
	p := newProbe(t, r)
	whole := parse(p, bytes.NewReader(answer))
	if p.in.total > maxAnswer+len(p.in.buf) || p.fields.size > maxHeader+len(p.in.buf) {
		t.Errorf("it read %d bytes, %d of a header", p.in.total, p.fields.size)
	}
	// What an error quotes or counts depends on what came together.
	if cut := parse(p, iotest.OneByteReader(bytes.NewReader(answer))); cut[:4] != whole[:4] {
		t.Errorf("in one piece %s, byte by byte %s", whole, cut)
	}
}

func FuzzFastCGI(f *testing.F) {
	for _, seed := range []string{"", page, rec(stdout, page) + end(0), rec(stderr, "x") + end(2), end(0)[:7],
		rec(stdout, "Status: 404 No\nLocation: x\r\n\r\n") + rec(stdout, "") + end(0)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		check(t, Request{Protocol: FastCGI}, answer)
		check(t, Request{Protocol: FastCGIValues}, answer)
	})
}

func FuzzHTTP(f *testing.F) {
	for _, seed := range []string{"", "HTTP/1.1 200 OK\r\n\r\nhello", "HTTP/1.0 302\nContent-Length: 1\n\nx",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\nA: b\r\n\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		check(t, Request{Protocol: HTTP}, answer)
		check(t, Request{Protocol: HTTP, Method: "HEAD"}, answer)
	})
}
