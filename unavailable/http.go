package unavailable

import (
	"bytes"
	"strconv"
)

// A message is what matters of an HTTP/1 request's head, RFC 9112.
type message struct {
	head    bool // the method is HEAD
	length  int64
	chunked bool
	expects bool // waits for "100 Continue" before it sends the body
}

// readHTTP reads one request and returns what it is answered with, nil to close
// without a word.
func readHTTP(v *visit) []byte {
	m, err := v.message()
	if err != nil {
		return nil
	}
	if m.expects && (m.chunked || m.length > 0) && v.say([]byte("HTTP/1.1 100 Continue\r\n\r\n")) != nil {
		return nil
	}
	if m.chunked {
		err = v.chunks()
	} else if !v.body(m.length) {
		return nil
	}
	switch {
	case err != nil && !late(err):
		return nil
	case m.head:
		return v.head
	}
	return v.http
}

// line is one line of the head without its end.
func (v *visit) line() ([]byte, error) {
	text, err := v.token('\n')
	return bytes.TrimSuffix(text, []byte("\r")), err
}

func (v *visit) message() (message, error) {
	var m message
	request, err := v.line()
	if err == nil && len(request) == 0 {
		request, err = v.line() // an empty line before the request is to be forgiven, section 2.2
	}
	if err != nil {
		return m, err
	}
	words := bytes.Split(request, []byte(" "))
	if len(words) != 3 || !bytes.HasPrefix(words[2], []byte("HTTP/1.")) {
		return m, errGarbage
	}
	m.head = string(words[0]) == "HEAD"
	modern := string(words[2]) != "HTTP/1.0"
	for {
		text, err := v.line()
		if err != nil {
			return m, err
		}
		if len(text) == 0 {
			m.expects = m.expects && modern
			return m, nil
		}
		if !m.field(text) {
			return m, errGarbage
		}
	}
}

// field takes in a line of the head and says whether it made sense.
func (m *message) field(text []byte) bool {
	name, value, _ := bytes.Cut(text, []byte(":"))
	value = bytes.ToLower(bytes.TrimSpace(value))
	switch string(bytes.ToLower(name)) {
	case "content-length":
		m.length = length(value)
	case "transfer-encoding":
		m.chunked = bytes.HasSuffix(value, []byte("chunked"))
	case "expect":
		m.expects = string(value) == "100-continue"
	}
	return m.length >= 0
}

// chunks reads a body of chunks and its trailer away.
func (v *visit) chunks() error {
	for room := uint64(bodyLimit); ; {
		v.left = headLimit
		size, err := v.line()
		if err != nil {
			return err
		}
		size, _, _ = bytes.Cut(size, []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 63)
		if err != nil {
			return errGarbage
		}
		if n == 0 {
			return v.trailer()
		}
		if _, err := v.in.Discard(int(min(n, room))); err != nil || n >= room {
			return err
		}
		room -= n
		if rest, err := v.line(); err != nil || len(rest) > 0 {
			return first(err, errGarbage)
		}
	}
}

func (v *visit) trailer() error {
	v.left = headLimit
	for {
		if text, err := v.line(); err != nil || len(text) == 0 {
			return err
		}
	}
}

func first(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
