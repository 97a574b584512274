package unavailable

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// fcgi is a FastCGI record with padding.
func fcgi(kind byte, id uint16, content string, padding int) string {
	h := []byte{1, kind, 0, 0, 0, 0, byte(padding), 0}
	binary.BigEndian.PutUint16(h[2:], id)
	binary.BigEndian.PutUint16(h[4:], uint16(len(content)))
	return string(h) + content + strings.Repeat("x", padding)
}

func fcgiStart(id uint16, role, flags byte) string {
	return fcgi(1, id, string([]byte{0, role, flags, 0, 0, 0, 0, 0}), 0)
}

// netstring, variables: the heads of SCGI and uwsgi, from pairs.
func netstring(pairs ...string) string {
	text := strings.Join(pairs, "\x00") + "\x00"
	return fmt.Sprintf("%d:%s,", len(text), text)
}

func variables(pairs ...string) string {
	var b []byte
	for _, s := range pairs {
		b = append(binary.LittleEndian.AppendUint16(b, uint16(len(s))), s...)
	}
	return string(binary.LittleEndian.AppendUint16([]byte{0}, uint16(len(b)))) + "\x00" + string(b)
}

// A request in some protocol, and how its answer differs from the usual.
type request struct {
	name, protocol, text string
	interim              string // comes before the answer
	behind               string // comes behind the answer
	bare                 bool   // no page: the method is HEAD
	end                  byte   // FastCGI: status of FCGI_END_REQUEST, without a page if not 0
}

var requests = []request{
	{name: "get", protocol: "fastcgi", text: fcgiStart(1, 1, 0) + fcgi(4, 1, "\x01\x01ab", 4) + fcgi(4, 1, "", 0) + fcgi(5, 1, "", 0)},
	{name: "post", protocol: "fastcgi", text: fcgiStart(258, 1, 1) + fcgi(4, 258, "\x01\x01ab", 0) + fcgi(4, 258, "\x01\x01cd", 255) +
		fcgi(4, 258, "", 8) + fcgi(5, 258, "a body", 2) + fcgi(5, 258, "more", 0) + fcgi(5, 258, "", 0),
		behind: fcgi(10, 0, "", 0)},
	{name: "strangers", protocol: "fastcgi", text: fcgi(5, 9, "who", 0) + fcgiStart(1, 1, 0) + fcgi(4, 2, "\x01\x01ab", 0) + fcgi(4, 2, "", 0) +
		fcgi(5, 2, "", 0) + fcgi(2, 2, "", 0) + fcgi(4, 1, "", 0) + fcgi(5, 1, "", 0)},
	{name: "values", protocol: "fastcgi", text: fcgi(9, 0, "\x0e\x00FCGI_MAX_CONNS", 0) + fcgiStart(1, 1, 0) + fcgi(4, 1, "", 0) + fcgi(5, 1, "", 0),
		interim: fcgi(10, 0, "", 0)},
	{name: "unknown type", protocol: "fastcgi", text: fcgi(77, 0, "?", 0) + fcgiStart(1, 1, 0) + fcgi(4, 1, "", 0) + fcgi(5, 1, "", 0),
		interim: fcgi(11, 0, "\x4d\x00\x00\x00\x00\x00\x00\x00", 0)},
	{name: "second", protocol: "fastcgi", text: fcgiStart(1, 1, 0) + fcgiStart(2, 1, 0) + fcgi(4, 1, "", 0) + fcgi(5, 1, "", 0),
		interim: fcgi(3, 2, "\x00\x00\x00\x00\x01\x00\x00\x00", 0)},
	{name: "authorizer", protocol: "fastcgi", text: fcgiStart(1, 2, 0), end: 3},

	{name: "get", protocol: "http", text: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{name: "lenient", protocol: "http", text: "\r\nGET / HTTP/1.0\nHost: a\n\n"},
	{name: "head", protocol: "http", text: "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", bare: true},
	{name: "post", protocol: "http", text: "POST / HTTP/1.1\r\nHost: a\r\nCONTENT-LENGTH:  6 \r\n\r\na body"},
	{name: "chunked", protocol: "http", text: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, Chunked\r\n\r\nA;x=y\r\n0123456789\r\n1\r\n\n\r\n0\r\nT: r\r\n\r\n"},
	{name: "expect", protocol: "http", text: "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 6\r\n\r\na body",
		interim: "HTTP/1.1 100 Continue\r\n\r\n"},
	{name: "expect of old", protocol: "http", text: "PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\na body"},
	{name: "long line", protocol: "http", text: "GET /" + strings.Repeat("a", 40000) + " HTTP/1.1\r\nCookie: " + strings.Repeat("b", 20000) + "\r\n\r\n"},

	{name: "get", protocol: "scgi", text: netstring("CONTENT_LENGTH", "0", "SCGI", "1", "REQUEST_METHOD", "GET")},
	{name: "post", protocol: "scgi", text: netstring("CONTENT_LENGTH", "6", "SCGI", "1", "A", "") + "a body"},

	{name: "get", protocol: "uwsgi", text: variables("REQUEST_METHOD", "GET", "CONTENT_LENGTH", "")},
	{name: "head", protocol: "uwsgi", text: variables("A_VARIABLE_WITH_A_LONG_NAME", strings.Repeat("a", 300), "REQUEST_METHOD", "HEAD"), bare: true},
	{name: "post", protocol: "uwsgi", text: variables("CONTENT_LENGTH", "6", "REQUEST_METHOD", "POST") + "a body"},
}

// check says what is wrong with an answer, which must be all that came.
func (r request) check(answer []byte) error {
	rest, ok := bytes.CutPrefix(answer, []byte(r.interim))
	if !ok {
		return fmt.Errorf("it does not begin with %q: %q", r.interim, answer)
	}
	if rest, ok = bytes.CutSuffix(rest, []byte(r.behind)); !ok {
		return fmt.Errorf("it does not end with %q: %q", r.behind, answer)
	}
	form := "HTTP/1.1 "
	switch r.protocol {
	case "fastcgi":
		out, end, err := unwrap(rest, binary.BigEndian.Uint16([]byte(r.text)[2:]))
		if err != nil || end != r.end {
			return fmt.Errorf("end %d, %v: %q", end, err, answer)
		}
		if r.end != 0 {
			if len(out) > 0 {
				return fmt.Errorf("a page for what is refused: %q", out)
			}
			return nil
		}
		rest, form = out, "Status: "
	case "scgi":
		form = "Status: "
	}
	method := http.MethodGet
	if r.bare {
		method = http.MethodHead
	}
	return checkPage(bytes.Replace(rest, []byte(form), []byte("HTTP/1.1 "), 1), method)
}

func checkPage(answer []byte, method string) error {
	in := bufio.NewReader(bytes.NewReader(answer))
	res, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		return fmt.Errorf("%v: %q", err, answer)
	}
	body, err := io.ReadAll(res.Body)
	want := text
	if method == http.MethodHead {
		want = nil
	}
	if err != nil || res.Status != "503 Service Unavailable" || res.Header.Get("Retry-After") != "17" ||
		res.ContentLength != int64(len(text)) || !bytes.Equal(body, want) || in.Buffered() > 0 {
		return fmt.Errorf("%v: %q", err, answer)
	}
	return nil
}

// unwrap takes the FastCGI off an answer: what was written to standard output
// and how the request ended. id is that of the first record sent; where that
// was a stranger's or no request's, any will do.
func unwrap(answer []byte, id uint16) (out []byte, end byte, err error) {
	closed := false
	for len(answer) >= 8 {
		size, padding := int(binary.BigEndian.Uint16(answer[4:])), int(answer[6])
		if answer[0] != 1 || len(answer) < 8+size+padding || (binary.BigEndian.Uint16(answer[2:]) != id && id != 0 && id != 9) {
			return out, 0, fmt.Errorf("a bad record: %q", answer)
		}
		content := answer[8 : 8+size]
		kind := answer[1]
		answer = answer[8+size+padding:]
		switch {
		case kind == 6 && !closed:
			closed = size == 0
			out = append(out, content...)
		case kind == 3 && size == 8 && len(answer) == 0 && closed == (content[4] == 0):
			return out, content[4], nil
		default:
			return out, 0, fmt.Errorf("a record of type %d, and %q behind it", kind, answer)
		}
	}
	return out, 0, fmt.Errorf("no end of the request: %q", answer)
}
