// Package probe asks the backend something as a web server would, to see that
// it is ready and well: one real request over a connection to the listening
// socket, in the backend's own protocol. It speaks just enough FastCGI and
// HTTP/1.1 for that, since net/http would cost the resident megabytes.
//
// Notify is the other way round: the backend itself says that it is ready, as
// sd_notify(3) has it.
//
// Whatever a backend sends is read to its end and kept nowhere: only the
// status, the beginning of one line, and the first words of FCGI_STDERR are.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The protocols of a Request.
const (
	FastCGI = "fastcgi" // FastCGI 1.0, role responder
	HTTP    = "http"    // HTTP/1.1, one request on the connection

	// FastCGIValues asks the FastCGI library, not the application, with the
	// management record FCGI_GET_VALUES (FastCGI 1.0, 4.1). No script runs for
	// it. php-cgi, flup, libfcgi (Perl's FCGI, fcgiwrap) and Go answer it; who
	// does not, as uwsgi, sits on the connection until ctx ends.
	FastCGIValues = "fastcgi-values"
)

// longAgo is a deadline that has passed: setting it wakes whoever waits.
var longAgo = time.Unix(1, 0)

// A Request says what to ask and which answer is a good one.
type Request struct {
	Protocol string // FastCGI, HTTP or FastCGIValues, which needs nothing else
	Method   string // "GET" or "HEAD"; "" is GET
	Path     string // begins with "/", escaped as in a URL, may have a "?query"; "" is "/"
	Host     string // the site's name, perhaps with ":port"; "" is "localhost"

	// Script is the file that FastCGI calls SCRIPT_FILENAME, which php-cgi and
	// fcgiwrap need. Its directory is sent as DOCUMENT_ROOT, and Path as
	// SCRIPT_NAME. Without a Script, Path is PATH_INFO, as for an application
	// that has the whole site.
	Script string

	Status Statuses // the zero value is 200-399
}

// A Probe asks one Request again and again. It owns the only buffer that this
// takes, about 5 KiB. One goroutine at a time uses it.
type Probe struct {
	what    string // for errors
	request []byte // as it goes over the wire
	want    Statuses
	read    func(*Probe) (status int, err error)
	head    bool // no body follows the header
	in      stream
	fields  header
	stderr  words
	head8   [8]byte // a record's header, or the content of FCGI_END_REQUEST
}

// New checks r and prepares its bytes. The error says which part of r is wrong.
func New(r Request) (*Probe, error) {
	r, err := r.complete()
	if err != nil {
		return nil, fmt.Errorf("cannot make a probe: %w", err)
	}
	p := &Probe{want: r.Status, head: r.Method == "HEAD", what: r.Method + " " + r.Path + " over " + r.Protocol}
	switch r.Protocol {
	case FastCGI:
		p.request, p.read = r.fastCGI(), (*Probe).readFastCGI
	case HTTP:
		p.request, p.read = r.http(), (*Probe).readHTTP
	case FastCGIValues:
		p.request, p.read = getValues(), (*Probe).readValues
		p.what = "FCGI_GET_VALUES"
	}
	return p, nil
}

// Ask sends the request over fd, a connected AF_UNIX stream socket, and reads
// the answer. Ask owns fd and closes it. It returns nil when the answer came
// whole and with an expected status.
//
// Otherwise the error says what came instead: the status, what is wrong with
// the answer, how it ended, and what FCGI_STDERR began with. When ctx ends
// first, Ask returns at once with an error that wraps ctx.Err(); nothing else
// bounds the time. An answer over 1 MiB, or with a header over 64 KiB, is an
// error as soon as that much has come.
func (p *Probe) Ask(ctx context.Context, fd int) error {
	status, err := p.ask(ctx, fd)
	if err == nil && !p.want.Has(status) && status != answered {
		err = fmt.Errorf("the status is %d, expected %s", status, p.want)
	}
	if err == nil {
		return nil
	}
	if p.stderr.n > 0 {
		return fmt.Errorf("cannot confirm %s: %w; FCGI_STDERR: %q", p.what, err, p.stderr.text())
	}
	return fmt.Errorf("cannot confirm %s: %w", p.what, err)
}

// answered is the status of what has none: an answer to FCGI_GET_VALUES.
const answered = -1

func (p *Probe) ask(ctx context.Context, fd int) (int, error) {
	p.stderr, p.fields = words{}, header{}
	if fd < 0 {
		return 0, os.ErrInvalid
	}
	// Only a non-blocking descriptor goes to Go's poller and knows deadlines.
	if err := unix.SetNonblock(fd, true); err != nil {
		return 0, fmt.Errorf("descriptor %d: %w", fd, err)
	}
	conn := os.NewFile(uintptr(fd), "probe")
	defer conn.Close()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(longAgo) })()
	p.in.reset(conn)
	defer p.in.reset(nil)
	_, unwritten := conn.Write(p.request)
	// Who closed before it had read everything may have answered before that.
	status, err := p.read(p)
	if err != nil {
		err = p.in.explain(ctx, err, unwritten)
	}
	return status, err
}

// explain puts the end of the conversation into words.
func (s *stream) explain(ctx context.Context, err, unwritten error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err // the name of the file says nothing
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil && s.total == 0:
		return fmt.Errorf("no answer came in time: %w", ctx.Err())
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil:
		return fmt.Errorf("no whole answer came in time, only %d bytes: %w", s.total, ctx.Err())
	case err != io.EOF && err != unix.ECONNRESET:
		return err
	case s.total > 0:
		return fmt.Errorf("closed after %d bytes, before the answer was whole", s.total)
	case unwritten != nil && !errors.Is(unwritten, unix.EPIPE):
		return unwritten
	}
	return errors.New("closed without an answer")
}

// words are the first bytes of a stream.
type words struct {
	bytes [200]byte
	n     int
	more  bool
}

func (w *words) add(b []byte) {
	n := copy(w.bytes[w.n:], b)
	w.n += n
	w.more = w.more || n < len(b)
}

func (w *words) text() string {
	text := strings.TrimSpace(string(w.bytes[:w.n]))
	if w.more {
		text += "…"
	}
	return text
}
