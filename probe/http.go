package probe

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// How long the body of an answer is (RFC 9112, 6.3), where it is not a number.
const (
	untilClose = -1
	chunked    = -2
)

// readHTTP reads one answer: any number of interim ones, a header, a body.
func (p *Probe) readHTTP() (int, error) {
	for {
		status, length, err := p.httpHeader()
		switch {
		case err != nil:
			return 0, err
		case status < 200 && status != 101: // interim; 101 is the last word
			continue
		case p.head || status < 200 || status == 204 || status == 304:
			return status, nil
		case length == chunked:
			return status, p.chunks()
		case length == untilClose:
			return status, p.in.rest()
		case length > maxAnswer:
			return status, errTooLarge
		}
		return status, p.in.skip(length)
	}
}

// httpHeader reads a status line and the fields after it.
func (p *Probe) httpHeader() (status, length int, err error) {
	if err := p.statusLine(); err != nil {
		return 0, 0, err
	}
	if status, err = protocolStatus(p.fields.line()); err != nil {
		return 0, 0, err
	}
	length = untilClose
	for {
		if err := p.line(); err != nil {
			return 0, 0, err
		}
		if len(p.fields.line()) == 0 {
			return status, length, nil
		}
		if length, err = p.framing(length); err != nil {
			return 0, 0, err
		}
	}
}

// line reads the next line into p.fields.
func (p *Probe) line() error {
	p.fields.next()
	return p.restOfLine()
}

func (p *Probe) restOfLine() error {
	for {
		got, err := p.in.some(len(p.in.buf))
		if err != nil {
			return err
		}
		taken, whole, err := p.fields.take(got)
		p.in.lo -= len(got) - taken
		if err != nil || whole {
			return err
		}
	}
}

// statusLine is line, and does not wait for the end of what cannot be one.
func (p *Probe) statusLine() error {
	const want = "HTTP/1."
	p.fields.next()
	for at := range len(want) {
		got, err := p.in.some(1)
		if err != nil {
			return err
		}
		if got[0] != want[at] {
			return p.in.not("HTTP/1", at+1)
		}
		if _, _, err := p.fields.take(got); err != nil {
			return err
		}
	}
	return p.restOfLine()
}

// framing looks whether the line says how long the body is; so far is what the
// lines before said.
func (p *Probe) framing(sofar int) (int, error) {
	name, value, err := p.fields.field()
	coding, length := is(name, "Transfer-Encoding"), is(name, "Content-Length")
	switch {
	case err != nil:
		return 0, err
	case !coding && !length:
		return sofar, nil
	case p.fields.cut():
		return 0, fmt.Errorf("the header's %s is too long", name)
	case coding:
		last := bytes.TrimLeft(value[bytes.LastIndexByte(value, ',')+1:], " \t")
		if is(last, "chunked") {
			return chunked, nil
		}
		return untilClose, nil
	case sofar == chunked:
		return sofar, nil // which overrides a length
	}
	n, err := strconv.ParseUint(string(value), 10, 31)
	if err != nil || sofar >= 0 && int(n) != sofar {
		return 0, fmt.Errorf("the header has no proper Content-Length: %q", value)
	}
	return int(n), nil
}

// chunks reads a chunked body (RFC 9112, 7.1) and the fields after it.
func (p *Probe) chunks() error {
	for {
		n, err := p.chunkSize()
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		if err := p.in.skip(n); err != nil {
			return err
		}
		if err := p.line(); err != nil {
			return err
		}
		if len(p.fields.line()) != 0 {
			return errors.New("a chunk of the answer is longer than it says")
		}
	}
	for {
		if err := p.line(); err != nil || len(p.fields.line()) == 0 {
			return err
		}
	}
}

func (p *Probe) chunkSize() (int, error) {
	p.fields.size = 0 // the bound is for a header; many small chunks are none
	if err := p.line(); err != nil {
		return 0, err
	}
	line := p.fields.line()
	size, _, _ := bytes.Cut(line, []byte(";"))
	n, err := strconv.ParseUint(string(bytes.TrimRight(size, " \t")), 16, 31)
	switch {
	case err != nil:
		return 0, fmt.Errorf("a chunk of the answer has no proper size: %q", line[:min(len(line), 40)])
	case n > maxAnswer:
		return 0, errTooLarge
	}
	return int(n), nil
}
