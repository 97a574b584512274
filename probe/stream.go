package probe

import (
	"errors"
	"fmt"
	"io"
)

const (
	maxAnswer = 1 << 20  // bytes, header and framing included
	maxHeader = 64 << 10 // bytes of header lines
)

var errTooLarge = errors.New("the answer is larger than 1 MiB; ask for a smaller page")

// stream reads an answer through one buffer and counts it.
type stream struct {
	from   io.Reader
	buf    [4096]byte
	lo, hi int // what is read and not yet taken
	total  int // bytes received
}

func (s *stream) reset(from io.Reader) { s.from, s.lo, s.hi, s.total = from, 0, 0, 0 }

// some returns between 1 and n bytes; they are good until the next call. The
// error is io.EOF at the end. n is at least 1.
func (s *stream) some(n int) ([]byte, error) {
	if s.lo == s.hi {
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
	n = min(n, s.hi-s.lo)
	s.lo += n
	return s.buf[s.lo-n : s.lo], nil
}

func (s *stream) fill() error {
	for range 100 { // a Reader may return nothing, yet not for ever
		n, err := s.from.Read(s.buf[:])
		s.lo, s.hi = 0, n
		s.total += n
		switch {
		case s.total > maxAnswer:
			return errTooLarge
		case n > 0:
			return nil // an error comes again
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

// exact fills b.
func (s *stream) exact(b []byte) error {
	for len(b) > 0 {
		got, err := s.some(len(b))
		if err != nil {
			return err
		}
		b = b[copy(b, got):]
	}
	return nil
}

// skip takes n bytes and forgets them.
func (s *stream) skip(n int) error {
	for n > 0 {
		got, err := s.some(n)
		if err != nil {
			return err
		}
		n -= len(got)
	}
	return nil
}

// rest takes everything up to the end.
func (s *stream) rest() error {
	for {
		if _, err := s.some(len(s.buf)); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// not says that the answer is not in the protocol, and with what it differs:
// the last taken bytes and those that came with them.
func (s *stream) not(protocol string, taken int) error {
	wrong := s.buf[max(s.lo-taken, 0):s.hi]
	return fmt.Errorf("the answer is not %s: %q", protocol, wrong[:min(len(wrong), 40)])
}
