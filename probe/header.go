package probe

import (
	"bytes"
	"errors"
	"fmt"
)

var (
	errHeaderTooLarge = errors.New("the header is larger than 64 KiB")
	errNoStatus       = errors.New("the status line has no status of three digits")
)

// header reads the lines of a header, whatever pieces they come in. Of a line
// only the beginning is kept: what matters here is short.
type header struct {
	text [256]byte // the beginning of the line
	n    int       // bytes in text
	long int       // bytes of the line, its end not counted
	size int       // bytes of all lines, to be bounded by maxHeader
}

// take takes from b up to the end of the line, and says whether it is whole.
func (h *header) take(b []byte) (taken int, whole bool, err error) {
	taken = bytes.IndexByte(b, '\n') + 1
	whole = taken > 0
	if !whole {
		taken = len(b)
	}
	if h.size += taken; h.size > maxHeader {
		return taken, false, errHeaderTooLarge
	}
	part := b[:taken]
	if whole {
		part = b[:taken-1]
	}
	h.n += copy(h.text[h.n:], part)
	h.long += len(part)
	return taken, whole, nil
}

// line is the line without its end.
func (h *header) line() []byte {
	line := h.text[:h.n]
	if h.long == h.n {
		line = bytes.TrimSuffix(line, []byte("\r"))
	}
	return line
}

func (h *header) next() { h.n, h.long = 0, 0 }

// cut says that line is not the whole line.
func (h *header) cut() bool { return h.long > h.n }

// field splits a line into name and value. Both are nil for the continuation of
// the line before (RFC 9112, 5.2), which is of no interest.
func (h *header) field() (name, value []byte, err error) {
	line := h.line()
	if line[0] == ' ' || line[0] == '\t' {
		return nil, nil, nil
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || len(name) == 0 || bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, nil, fmt.Errorf("the header has a line that is none: %q", line[:min(len(line), 40)])
	}
	return name, bytes.Trim(value, " \t"), nil
}

// is compares the name of a field.
func is(name []byte, want string) bool {
	return len(name) == len(want) && bytes.EqualFold(name, []byte(want))
}

// number reads a status: three digits, then the end or a space.
func number(b []byte) (int, error) {
	if len(b) < 3 || len(b) > 3 && b[3] != ' ' {
		return 0, errNoStatus
	}
	n := 0
	for _, c := range b[:3] {
		if c < '0' || c > '9' {
			return 0, errNoStatus
		}
		n = 10*n + int(c-'0')
	}
	if n < 100 {
		return 0, errNoStatus
	}
	return n, nil
}

// protocolStatus reads the status of a line like "HTTP/1.1 200 OK".
func protocolStatus(line []byte) (int, error) {
	if len(line) < len("HTTP/1.1 ") || line[8] != ' ' {
		return 0, errNoStatus
	}
	return number(line[9:])
}
