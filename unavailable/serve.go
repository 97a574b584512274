// Package unavailable answers in a backend's place while none lives: whoever
// waits at the listening socket gets a whole "503 Service Unavailable" with
// Retry-After, in the backend's protocol, instead of waiting for ever.
//
// It is the one part of keepone that accepts, so it lives in a process of its
// own, `keepone unavailable`, which is started when no backend has lived for a
// while and is gone before the next one starts.
//
// A FastCGI server may say FCGI_OVERLOADED, but lighttpd and nginx make a 500
// or 502 of it, so what is sent is a page like any other, and it is sent after
// the request's body was read: a web server that is still sending when the
// connection closes is reset, and shows 502.
package unavailable

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A Page is what every request is answered with.
type Page struct {
	Protocol   string // of the backend: fastcgi, http, scgi or uwsgi
	RetryAfter int    // seconds, 0 or more
	Text       []byte // HTML in UTF-8
}

// seats is how many connections are served at once. More wait in the backlog,
// where they cost nothing.
const seats = 64

// last is what the connections get that are there when the word ends. It is
// more than their own deadlines then leave them (visit.go), and less than
// the second after which the caller starts the next backend.
const last = 980 * time.Millisecond

// Descriptors that Main expects.
const (
	socketFD = 3
	pageFD   = 4
	wordFD   = 5
)

// Main is the life of the process `keepone unavailable`; it returns the exit
// status: 0 when the word has ended, 1 when it could not serve, which it then
// says in one line on standard error.
//
// It expects these descriptors:
//
//	0-2  open, anything: /dev/null, and where messages go
//	3    the listening socket, without O_NONBLOCK, which this process never sets
//	4    the Page as JSON, in a file that can be read from its beginning (a memfd)
//	5    the read end of a pipe, the word, whose only write end is the caller's
//	     and is marked close-on-exec: the process ends when that is closed, so
//	     also when the caller dies
//
// It needs no privilege, no file system and nothing of the environment: start
// it as the backend's user, in a session of its own (a Ctrl-C in a terminal is
// not for it), with the resident's memory recipe. It is gone within a second
// of the word's end; wait for its exit before the next backend starts, and
// kill it only if it does not come: that resets whom it is answering.
func Main() int {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "keepone: cannot answer in the backend's place: %v\n", err)
		return 1
	}
	return 0
}

func run() error {
	var p Page
	unix.CloseOnExec(socketFD)
	page := os.NewFile(pageFD, "page")
	text, err := io.ReadAll(io.NewSectionReader(page, 0, 16<<20)) // where the writer left off does not matter
	if err != nil {
		return fmt.Errorf("cannot read the page: %w", err)
	}
	page.Close()
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("cannot read the page: %w", err)
	}
	word := os.NewFile(wordFD, "word")
	defer word.Close()
	return Serve(socketFD, word, p)
}

// Serve accepts from the listening socket fd and answers with the page until
// word, the read end of a pipe, is at its end. Then it stops accepting at
// once, finishes within a second what it has accepted, and returns nil. What
// is written to the word means nothing. fd stays the caller's and is not
// changed in any way that another holder could see.
//
// The error says why nothing can be served: an unknown protocol, or a socket
// that is not listening or was shut down.
//
// Serve takes SIGUSR1 for itself (see door.go), so a process calls it once, and
// ends soon after it returned: a visitor that reads too slowly may be left.
func Serve(fd int, word *os.File, p Page) error {
	a, err := p.answers()
	if err != nil {
		return err
	}
	if err := interruptible(); err != nil {
		return err
	}
	ctx, end := context.WithCancel(context.Background())
	defer end()
	d := &door{
		socket: fd, word: int(word.Fd()),
		seats:  make(chan *bufio.Reader, seats),
		thread: make(chan int, 1), left: make(chan error, 1),
	}
	for range seats {
		d.seats <- nil
	}
	go func() {
		awaitEnd(d.word)
		end()
	}()
	go d.accept(ctx, func(conn int, in *bufio.Reader) {
		a.visit(ctx, conn, in)
		d.seats <- in
	})
	return d.close(ctx, end)
}

// close waits until the door is shut, and then for those who are inside.
func (d *door) close(ctx context.Context, end func()) error {
	var err error
	select {
	case err = <-d.left:
		end()
	case <-ctx.Done():
		err = d.interrupt()
	}
	over := time.After(last)
	for range seats {
		select {
		case <-d.seats:
		case <-over:
			return err
		}
	}
	return err
}
