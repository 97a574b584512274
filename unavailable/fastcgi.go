package unavailable

import (
	"encoding/binary"
	"io"
)

// FastCGI 1.0, section 8: the types of records, roles, and how a request ends.
const (
	fcgiVersion = 1

	fcgiBegin           = 1
	fcgiAbort           = 2
	fcgiEnd             = 3
	fcgiParams          = 4
	fcgiStdin           = 5
	fcgiStdout          = 6
	fcgiGetValues       = 9
	fcgiGetValuesResult = 10
	fcgiUnknownType     = 11

	fcgiResponder = 1
	fcgiKeepConn  = 1

	fcgiRequestComplete = 0
	fcgiCannotMultiplex = 1
	fcgiUnknownRole     = 3
)

// A record is a FastCGI record's header, and an exchange what is known of the
// request that the connection carries. There is only one: a connection that
// were kept would have to be closed at the word's end, just when a web server
// may send the next request on it.
type (
	record struct {
		kind    byte
		id      uint16
		content int
		padding int
	}
	exchange struct {
		id     uint16 // 0 before the request began
		keep   bool   // FCGI_KEEP_CONN: the web server may want to use the connection again
		params bool   // read to their end
		stdin  bool   // read to its end
		read   int64
	}
)

// readFastCGI reads one request and returns what it is answered with, nil to close
// without a word.
func readFastCGI(v *visit) []byte {
	var x exchange
	for !(x.params && x.stdin) && x.read < bodyLimit {
		r, err := v.record()
		if err == nil {
			var final []byte
			if final, err = v.step(&x, r); final != nil {
				return final
			}
		}
		if err != nil && late(err) && x.id != 0 {
			break
		}
		if err != nil {
			return nil
		}
	}
	return x.respond(v.cgi)
}

func (v *visit) record() (record, error) {
	var h [8]byte
	if _, err := io.ReadFull(v.in, h[:]); err != nil {
		return record{}, err
	}
	if h[0] != fcgiVersion {
		return record{}, errGarbage
	}
	return record{
		kind: h[1], id: binary.BigEndian.Uint16(h[2:]),
		content: int(binary.BigEndian.Uint16(h[4:])), padding: int(h[6]),
	}, nil
}

// step takes in one record after its header. It returns the last words where
// the record ends the connection.
func (v *visit) step(x *exchange, r record) ([]byte, error) {
	if r.kind == fcgiBegin && r.id != 0 {
		return v.begin(x, r)
	}
	if _, err := v.in.Discard(r.content + r.padding); err != nil {
		return nil, err
	}
	x.read += int64(r.content)
	switch {
	case r.id == 0 && r.kind == fcgiGetValues:
		return nil, v.say(appendRecord(nil, fcgiGetValuesResult, 0, nil))
	case r.id == 0:
		return nil, v.say(appendRecord(nil, fcgiUnknownType, 0, []byte{r.kind, 0, 0, 0, 0, 0, 0, 0}))
	case r.id != x.id: // of a request that was refused or never began: to be ignored, section 3.3
	case r.kind == fcgiAbort:
		return appendEnd(nil, r.id, fcgiRequestComplete), nil
	case r.kind == fcgiParams && r.content == 0:
		x.params = true
	case r.kind == fcgiStdin && r.content == 0:
		x.stdin = true
	}
	return nil, nil
}

func (v *visit) begin(x *exchange, r record) ([]byte, error) {
	var body [8]byte
	if r.content != len(body) || r.id == x.id {
		return nil, errGarbage
	}
	if _, err := io.ReadFull(v.in, body[:]); err != nil {
		return nil, err
	}
	if _, err := v.in.Discard(r.padding); err != nil {
		return nil, err
	}
	role := binary.BigEndian.Uint16(body[:])
	switch {
	case x.id != 0:
		return nil, v.say(appendEnd(nil, r.id, fcgiCannotMultiplex))
	case role != fcgiResponder:
		return appendEnd(nil, r.id, fcgiUnknownRole), nil
	}
	x.id, x.keep = r.id, body[2]&fcgiKeepConn != 0
	return nil, nil
}

func (v *visit) say(text []byte) error {
	_, err := v.conn.Write(text)
	return err
}

// respond is the page as one write: records of FCGI_STDOUT, the empty one that
// ends it, FCGI_END_REQUEST.
//
// Who asked to keep the connection may send the next request between that and
// the close: nginx did, and made a 502 of it. So one more record follows, an
// empty answer to no question: nginx uses a connection again only where
// nothing stands behind FCGI_END_REQUEST (ngx_http_fastcgi_module.c, its
// input filters).
func (x *exchange) respond(page []byte) []byte {
	if x.id == 0 {
		return nil // a gigabyte of records, and no request among them
	}
	const most = 65528 // a multiple of 8, so that none needs padding but the last
	var out []byte
	for len(page) > 0 {
		n := min(len(page), most)
		out = appendRecord(out, fcgiStdout, x.id, page[:n])
		page = page[n:]
	}
	out = appendRecord(out, fcgiStdout, x.id, nil)
	out = appendEnd(out, x.id, fcgiRequestComplete)
	if x.keep {
		out = appendRecord(out, fcgiGetValuesResult, 0, nil)
	}
	return out
}

// appendEnd appends FCGI_END_REQUEST with application status 0.
func appendEnd(out []byte, id uint16, status byte) []byte {
	return appendRecord(out, fcgiEnd, id, []byte{0, 0, 0, 0, status, 0, 0, 0})
}

func appendRecord(out []byte, kind byte, id uint16, content []byte) []byte {
	padding := -len(content) & 7
	out = append(out, fcgiVersion, kind, byte(id>>8), byte(id), byte(len(content)>>8), byte(len(content)), byte(padding), 0)
	out = append(out, content...)
	return append(out, make([]byte, padding)...)
}
