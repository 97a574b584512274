package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// FastCGI Specification 1.0, section 8: record types, and the protocolStatus
// of FCGI_END_REQUEST.
const (
	version = 1

	beginRequest    = 1
	endRequest      = 3
	params          = 4
	stdin           = 5
	stdout          = 6
	stderr          = 7
	askValues       = 9
	valuesResult    = 10
	unknownType     = 11
	management      = 0 // the request id of records that belong to none
	ourRequest      = 1
	responder       = 1
	requestComplete = 0
)

var refusals = [...]string{
	1: "FCGI_CANT_MPX_CONN: it serves another request on this connection",
	2: "FCGI_OVERLOADED: it has too much to do",
	3: "FCGI_UNKNOWN_ROLE: it is no responder",
}

// record is the header of one.
type record struct {
	kind            byte
	id              uint16
	length, padding int // bytes
}

// appendRecord appends a whole record. content is under 64 KiB.
func appendRecord(b []byte, kind byte, id uint16, content []byte) []byte {
	b = append(b, version, kind)
	b = binary.BigEndian.AppendUint16(b, id)
	b = binary.BigEndian.AppendUint16(b, uint16(len(content)))
	return append(append(b, 0, 0), content...)
}

// appendPair appends a name and a value, each length in one byte or four
// (FastCGI 1.0, 3.4).
func appendPair(b []byte, name, value string) []byte {
	for _, s := range [2]string{name, value} {
		if len(s) < 0x80 {
			b = append(b, byte(len(s)))
		} else {
			b = binary.BigEndian.AppendUint32(b, uint32(len(s))|1<<31)
		}
	}
	return append(append(b, name...), value...)
}

// fastCGI is the whole request: no body, and the backend closes after it.
func (r Request) fastCGI() []byte {
	var pairs []byte
	for _, v := range r.variables() {
		pairs = appendPair(pairs, v[0], v[1])
	}
	b := appendRecord(nil, beginRequest, ourRequest, []byte{0, responder, 0, 0, 0, 0, 0, 0})
	b = appendRecord(b, params, ourRequest, pairs)
	b = appendRecord(b, params, ourRequest, nil)
	return appendRecord(b, stdin, ourRequest, nil)
}

// getValues is FCGI_GET_VALUES and the first byte of a record that never comes:
// libfcgi sees the end of the question only when something follows it. Nobody
// has to answer half a record, and all take the end of the connection there for
// what it is.
func getValues() []byte {
	var pairs []byte
	for _, name := range []string{"FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"} {
		pairs = appendPair(pairs, name, "")
	}
	return append(appendRecord(nil, askValues, management, pairs), version)
}

// record reads the header of the next one. It does not wait for more than the
// first byte of what is not FastCGI.
func (p *Probe) record() (record, error) {
	if err := p.in.exact(p.head8[:1]); err != nil {
		return record{}, err
	}
	if p.head8[0] != version {
		return record{}, p.in.not("FastCGI", 1)
	}
	if err := p.in.exact(p.head8[1:]); err != nil {
		return record{}, err
	}
	h := p.head8[:]
	return record{h[1], binary.BigEndian.Uint16(h[2:]), int(binary.BigEndian.Uint16(h[4:])), int(h[6])}, nil
}

// readFastCGI reads records up to the end of our request.
func (p *Probe) readFastCGI() (int, error) {
	var answer cgi
	for {
		r, err := p.record()
		if err != nil {
			return 0, err
		}
		switch {
		case r.id == ourRequest && r.kind == endRequest:
			return p.finish(r, &answer)
		case r.id == ourRequest && (r.kind == stdout || r.kind == stderr):
			err = p.content(r, &answer)
		case r.id == management:
			err = p.in.skip(r.length) // may come at any time
		default:
			err = fmt.Errorf("the answer is not FastCGI: a record of type %d for request %d", r.kind, r.id)
		}
		if err == nil {
			err = p.in.skip(r.padding)
		}
		if err != nil {
			return 0, err
		}
	}
}

// content reads the content of a record of one of the two streams.
func (p *Probe) content(r record, answer *cgi) error {
	for left := r.length; left > 0; {
		got, err := p.in.some(left)
		if err != nil {
			return err
		}
		left -= len(got)
		if r.kind == stderr {
			p.stderr.add(got)
		} else if err := answer.add(&p.fields, got); err != nil {
			return err
		}
	}
	return nil
}

// finish reads the content of FCGI_END_REQUEST. Its appStatus is an exit
// status of the application's, of which web servers take no notice, either.
func (p *Probe) finish(r record, answer *cgi) (int, error) {
	if r.length < len(p.head8) {
		return 0, fmt.Errorf("the answer is not FastCGI: FCGI_END_REQUEST has %d bytes, not 8", r.length)
	}
	if err := p.in.exact(p.head8[:]); err != nil {
		return 0, err
	}
	switch why := int(p.head8[4]); {
	case why == requestComplete:
		return answer.result(&p.fields)
	case why < len(refusals):
		return 0, errors.New("it refused the request with " + refusals[why])
	default:
		return 0, fmt.Errorf("it refused the request with the unknown protocolStatus %d", why)
	}
}

// readValues waits for the answer to FCGI_GET_VALUES. A library that does not
// know the question and says so (FCGI_UNKNOWN_TYPE) has shown as much.
func (p *Probe) readValues() (int, error) {
	r, err := p.record()
	switch {
	case err != nil:
		return 0, err
	case r.id != management || r.kind != valuesResult && r.kind != unknownType:
		return 0, fmt.Errorf("the answer is not FCGI_GET_VALUES_RESULT: a record of type %d for request %d", r.kind, r.id)
	}
	return answered, p.in.skip(r.length)
}
