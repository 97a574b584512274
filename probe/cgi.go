package probe

import (
	"bytes"
	"errors"
	"fmt"
)

// cgi is what the header of a CGI response has said (RFC 3875, 6).
type cgi struct {
	status   int // 0: not said
	location bool
	done     bool
}

// add reads a piece of the response, wherever it was cut.
func (c *cgi) add(h *header, b []byte) error {
	for len(b) > 0 && !c.done {
		taken, whole, err := h.take(b)
		if err != nil {
			return err
		}
		b = b[taken:]
		if !whole {
			continue
		}
		if err := c.field(h); err != nil {
			return err
		}
		h.next()
	}
	return nil
}

func (c *cgi) field(h *header) (err error) {
	line := h.line()
	if len(line) == 0 {
		c.done = true
		return nil
	}
	if bytes.HasPrefix(line, []byte("HTTP/1.")) { // php with cgi.rfc2616_headers
		c.status, err = protocolStatus(line)
		return err
	}
	name, value, err := h.field()
	switch {
	case err != nil:
		return err
	case is(name, "Status"):
		if c.status, err = number(value); err != nil {
			return fmt.Errorf("the header has no proper Status: %q", value[:min(len(value), 40)])
		}
	case is(name, "Location"):
		c.location = true
	}
	return nil
}

// result is the status, once the response has ended.
func (c *cgi) result(h *header) (int, error) {
	switch {
	case h.size == 0:
		return 0, errors.New("the answer is empty")
	case !c.done:
		return 0, errors.New("the answer ended within its header")
	case c.status != 0:
		return c.status, nil
	case c.location:
		return 302, nil
	}
	return 200, nil
}
