package unavailable

import (
	"encoding/binary"
	"errors"
	"io"
)

var errGarbage = errors.New("not a request")

// readSCGI reads one request of SCGI 1, a netstring of names and values, then the
// body, and returns the answer in CGI's form; nil to close without a word.
func readSCGI(v *visit) []byte {
	text, err := v.token(':')
	size := length(text)
	if err != nil || len(text) == 0 || size < 0 || size > headLimit {
		return nil
	}
	v.left = int(size)
	var body int64
	for v.left > 0 {
		name, err := v.token(0)
		if err != nil {
			return nil
		}
		sized := string(name) == "CONTENT_LENGTH"
		value, err := v.token(0)
		if err != nil {
			return nil
		}
		if sized {
			body = length(value)
		}
	}
	if end, err := v.in.ReadByte(); err != nil || end != ',' || body < 0 || !v.body(body) {
		return nil
	}
	return v.cgi
}

// readUwsgi reads one request of the uwsgi protocol: a modifier, the size of the
// variables, another modifier, the variables, then the body. It returns the
// answer as HTTP; nil to close without a word. The modifiers say which of the
// server's languages is meant, and mean nothing here.
func readUwsgi(v *visit) []byte {
	var h [4]byte
	if _, err := io.ReadFull(v.in, h[:]); err != nil {
		return nil
	}
	v.left = int(binary.LittleEndian.Uint16(h[1:]))
	var body int64
	answer := v.http
	for v.left > 0 {
		var name [16]byte // longer than those that matter
		n, err := v.counted(name[:])
		if err != nil {
			return nil
		}
		var value [24]byte // more than the digits of any number
		m, err := v.counted(value[:])
		if err != nil {
			return nil
		}
		switch {
		case string(name[:n]) == "CONTENT_LENGTH":
			body = length(value[:m])
		case string(name[:n]) == "REQUEST_METHOD" && string(value[:m]) == "HEAD":
			answer = v.head
		}
	}
	if body < 0 || !v.body(body) {
		return nil
	}
	return answer
}

// counted reads a string with its size before it, and returns how much of it
// is in the buffer; the rest is thrown away.
func (v *visit) counted(to []byte) (int, error) {
	var size [2]byte
	if _, err := io.ReadFull(v.in, size[:]); err != nil {
		return 0, err
	}
	n := int(binary.LittleEndian.Uint16(size[:]))
	if err := v.spend(len(size) + n); err != nil {
		return 0, err
	}
	kept := min(n, len(to))
	if _, err := io.ReadFull(v.in, to[:kept]); err != nil {
		return 0, err
	}
	_, err := v.in.Discard(n - kept)
	return kept, err
}
