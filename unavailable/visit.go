package unavailable

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	headLimit  = 64 << 10  // bytes of a request before its body; more is garbage
	bufferSize = headLimit // so that no line of a head is longer
	bodyLimit  = 1 << 30   // bytes of a body that are read; the answer comes after that many at the latest
)

// How long a visit lasts: reading, then answering, then lingering, 5 s at most,
// and below a second from the word's end on.
const (
	readTime   = 4 * time.Second
	answerTime = 500 * time.Millisecond // after the reading
	lingerTime = 250 * time.Millisecond // after the answering
	hurryRead  = 450 * time.Millisecond // after the word's end
	hurryWrite = 650 * time.Millisecond // after the word's end
)

// answers is the page in all the forms that are asked for.
type answers struct {
	speak func(*visit) []byte
	cgi   []byte // for a web server that makes HTTP of it
	http  []byte
	head  []byte // http without the page
}

func (p Page) answers() (*answers, error) {
	if p.RetryAfter < 0 {
		return nil, fmt.Errorf("cannot say Retry-After: %d: give seconds, 0 or more", p.RetryAfter)
	}
	speaks := map[string]func(*visit) []byte{"fastcgi": readFastCGI, "http": readHTTP, "scgi": readSCGI, "uwsgi": readUwsgi}
	a := &answers{speak: speaks[p.Protocol]}
	if a.speak == nil {
		return nil, fmt.Errorf("cannot answer in protocol %q: give fastcgi, http, scgi or uwsgi", p.Protocol)
	}
	const status = "503 Service Unavailable\r\n"
	fields := "Retry-After: " + strconv.Itoa(p.RetryAfter) + "\r\n" +
		"Cache-Control: no-store\r\n" +
		"Content-Type: text/html; charset=utf-8\r\n" +
		"Content-Length: " + strconv.Itoa(len(p.Text)) + "\r\n"
	a.cgi = append([]byte("Status: "+status+fields+"\r\n"), p.Text...)
	a.http = append([]byte("HTTP/1.1 "+status+fields+"Connection: close\r\n\r\n"), p.Text...)
	a.head = a.http[:len(a.http)-len(p.Text)]
	return a, nil
}

// A visit is one accepted connection and the one request that is read from it.
type visit struct {
	*answers
	conn *os.File
	in   *bufio.Reader
	left int // bytes that the head may still have
}

// visit serves the connection, which is non-blocking, and closes it. It reads
// the request to its end, answers, and waits a moment for the other side to
// close: who still has something to send, and is reset for it, may throw the
// answer away.
func (a *answers) visit(ctx context.Context, fd int, in *bufio.Reader) {
	conn := os.NewFile(uintptr(fd), "visitor")
	defer conn.Close()
	v := &visit{answers: a, conn: conn, in: in, left: headLimit}
	in.Reset(conn)
	start := time.Now()
	v.until(start.Add(readTime), start.Add(readTime+answerTime))
	stop := context.AfterFunc(ctx, func() {
		now := time.Now()
		v.until(earlier(start.Add(readTime), now.Add(hurryRead)), earlier(start.Add(readTime+answerTime), now.Add(hurryWrite)))
	})
	defer stop()
	answer := a.speak(v)
	if answer == nil {
		return
	}
	if _, err := conn.Write(answer); err != nil {
		return
	}
	v.linger()
}

func (v *visit) until(read, write time.Time) {
	v.conn.SetReadDeadline(read)
	v.conn.SetWriteDeadline(write)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (v *visit) linger() {
	raw, err := v.conn.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) { unix.Shutdown(int(fd), unix.SHUT_WR) })
	v.conn.SetReadDeadline(time.Now().Add(lingerTime))
	v.in.Discard(bodyLimit)
}

// body reads n bytes away. It is true when the request shall be answered: it
// was read, or it is larger or slower than anybody waits for here, and the
// answer is then the best that can be done. It is false for one that was given
// up.
func (v *visit) body(n int64) bool {
	_, err := v.in.Discard(int(min(n, bodyLimit)))
	return err == nil || late(err)
}

func late(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

var errTooLong = errors.New("the head is too long")

// spend accounts for n bytes of the head.
func (v *visit) spend(n int) error {
	if v.left -= n; v.left < 0 {
		return errTooLong
	}
	return nil
}

// token reads up to and including the delimiter, and returns what came before
// it, valid until the next read.
func (v *visit) token(delimiter byte) ([]byte, error) {
	text, err := v.in.ReadSlice(delimiter)
	if spent := v.spend(len(text)); spent != nil {
		return nil, spent
	}
	if err == nil {
		return text[:len(text)-1], nil
	}
	return nil, err
}

// length reads a CONTENT_LENGTH or Content-Length: decimal digits, and none
// for an empty body. It is -1 for anything else.
func length(text []byte) int64 {
	if len(text) == 0 {
		return 0
	}
	n, err := strconv.ParseUint(string(text), 10, 63)
	if err != nil {
		return -1
	}
	return int64(n)
}
