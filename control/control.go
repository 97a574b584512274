// Package control carries the operator's requests to the resident keepone: one
// line of JSON each way over a Unix stream socket, and then the connection ends.
//
// Who may ask is decided by the credentials that the kernel recorded when the
// peer connected (SO_PEERCRED and SO_PEERGROUPS, unix(7)), not by what it says.
package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

const (
	maxRequest = 4 << 10 // bytes in a request line, its newline included
	maxAnswer  = 1 << 20 // bytes in an answer line, its newline included
	maxOp      = 32      // bytes in the name of an operation
	maxPath    = 107     // bytes in a Unix socket's path, unix(7)
)

// Request is what the operator asks for.
type Request struct {
	Op      string `json:"op"`                 // "status", "restart", "stop" or "start"
	Now     bool   `json:"now,omitempty"`      // do not wait for requests in flight
	NoCheck bool   `json:"no_check,omitempty"` // do not run the check first
	NoWait  bool   `json:"no_wait,omitempty"`  // answer when it has begun
	PID     int    `json:"-"`                  // who asks, as the kernel recorded it; of the server alone
}

// Answer is what the resident says to a Request. Error is empty when what was
// asked for has happened; Hint then says what remains to be done, if anything.
// Body must be valid JSON or empty.
type Answer struct {
	Error string          `json:"error,omitempty"`
	Hint  string          `json:"hint,omitempty"`
	Body  json.RawMessage `json:"body,omitempty"`
}

// longAgo is a deadline that has passed: setting it wakes whoever waits.
var longAgo = time.Unix(1, 0)

var (
	errTooLong  = errors.New("the line is too long")
	errHalf     = errors.New("the line ends without a newline")
	errTwoLines = errors.New("there is more than one line")
)

// readLine reads one line of at most limit bytes, newline included, and returns
// it without the newline. Nothing may follow it.
func readLine(r io.Reader, limit int) ([]byte, error) {
	line := make([]byte, 0, 128)
	for len(line) < limit {
		if len(line) == cap(line) {
			line = append(make([]byte, 0, min(2*cap(line), limit)), line...)
		}
		n, err := r.Read(line[len(line):cap(line)])
		if end := bytes.IndexByte(line[len(line):len(line)+n], '\n'); end >= 0 {
			end += len(line)
			if end+1 < len(line)+n {
				return nil, errTwoLines
			}
			return line[:end], nil
		}
		line = line[:len(line)+n]
		if err == io.EOF && len(line) > 0 {
			return nil, errHalf
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: %d bytes are allowed", errTooLong, limit)
}

// parse reads a request line strictly: one JSON object, known keys, an operation.
func parse(line []byte) (Request, error) {
	var r Request
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err == io.EOF {
		return Request{}, errors.New("the line is empty")
	} else if err != nil {
		return Request{}, err
	}
	if _, err := d.Token(); err != io.EOF {
		return Request{}, errors.New("something follows the JSON object")
	}
	// The name comes back in refusals and may reach a log: plain words only.
	for _, c := range []byte(r.Op) {
		if c != '-' && (c < 'a' || c > 'z') {
			return Request{}, errors.New(`"op" is not a word of small letters`)
		}
	}
	if r.Op == "" || len(r.Op) > maxOp {
		return Request{}, fmt.Errorf(`"op" has %d bytes, not 1 to %d`, len(r.Op), maxOp)
	}
	return r, nil
}

// cause strips net's wrapping ("dial unix ...: connect: ...") down to the errno
// or the deadline, since our own message has named the path already.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// fits refuses a path that the kernel would answer with a bare EINVAL.
func fits(path string) error {
	if len(path) > maxPath {
		return fmt.Errorf("the path has %d bytes and a Unix socket's may have %d; choose a shorter one", len(path), maxPath)
	}
	return nil
}
