// Package output carries what the backend prints: from a FIFO that outlives
// keepone to where it belongs, and keeps the last words for status. That is a
// file of limited size and its predecessors, the journal, syslog or stdout.
//
// The backend holds the FIFO open for reading and writing. When keepone dies it
// gets neither EPIPE nor SIGPIPE; it goes on writing until the FIFO is full, and
// the next keepone reads on where the former one stopped.
package output

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	chunkSize = 8 << 10 // bytes read at once
	drainMost = 2 << 20 // bytes read before an answer: more than a FIFO holds
)

// Options says where the output comes from and goes to.
type Options struct {
	FIFO     string // path; made if it is not there
	UID, GID int    // the backend's user and group, -1 to leave them
	Target
}

// Output is an open FIFO and what it is copied to. One goroutine runs Run;
// the other methods may be called from any.
type Output struct {
	reader, writer *os.File
	raw            syscall.RawConn // of reader
	asks           chan ask
	ended          chan struct{} // closed when Run has returned

	// What follows belongs to the goroutine of Run.
	sink  sink
	tail  tail
	chunk [chunkSize]byte
}

// An ask is answered after what the FIFO holds has been read.
type ask struct {
	forget bool    // the last words, afterwards
	reopen bool    // the target
	target *Target // is the one from now on, unless nil
	reply  chan Words
}

// longAgo is a deadline that has passed: setting it wakes whoever waits.
var longAgo = time.Unix(1, 0)

// Open makes or takes over the FIFO. The target is left to Run: a full or missing
// disk is no reason not to supervise.
func Open(o Options) (*Output, error) {
	reader, writer, err := openFIFO(o.FIFO, o.UID, o.GID)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s for the backend's output: %w", o.FIFO, err)
	}
	raw, err := reader.SyscallConn()
	if err != nil {
		reader.Close()
		writer.Close()
		return nil, fmt.Errorf("cannot read %s: %w", o.FIFO, err)
	}
	return &Output{
		reader: reader, writer: writer, raw: raw,
		asks: make(chan ask, 8), ended: make(chan struct{}),
		sink: newSink(o.Target),
	}, nil
}

// Writer returns the end that a backend gets as its descriptors 1 and 2. It is
// blocking and open for reading and writing.
func (o *Output) Writer() *os.File { return o.writer }

// Close closes both ends. The FIFO stays, a backend may still be writing to it.
func (o *Output) Close() {
	o.reader.Close()
	o.writer.Close()
}

// Run copies from the FIFO to the target until ctx ends or Close is called, and
// copies what the FIFO still holds when ctx ends. No state of the target stops it:
// what cannot be written is counted. Run it once.
func (o *Output) Run(ctx context.Context) {
	defer close(o.ended)
	defer func() { o.sink.flush(); o.sink.close() }()
	defer context.AfterFunc(ctx, o.wake)()
	o.sink.reopen()
	for {
		n, err := o.reader.Read(o.chunk[:])
		o.take(o.chunk[:n])
		switch {
		case err == nil:
		case os.IsTimeout(err):
			o.answer()
			if ctx.Err() != nil {
				return
			}
		default: // closed: the FIFO itself has no end while we hold it for writing
			return
		}
	}
}

func (o *Output) wake() { o.reader.SetReadDeadline(longAgo) }

func (o *Output) take(b []byte) {
	o.tail.add(b)
	o.sink.write(b)
}

// answer drains the FIFO and then answers the asks that preceded the draining.
// No wake-up is lost: an ask is in the channel before its deadline is set, and
// the deadline is reset before the channel is looked at. So an ask that is not
// seen here sets a deadline that is not undone here.
func (o *Output) answer() {
	o.reader.SetReadDeadline(time.Time{})
	asked := len(o.asks)
	o.drain()
	for range asked {
		a := <-o.asks
		o.carryOut(a)
		lost := o.sink.losses()
		a.reply <- Words{Lines: o.tail.lines(), Lost: lost.lost, Cause: lost.cause}
		if a.forget {
			o.tail = tail{}
		}
	}
}

func (o *Output) carryOut(a ask) {
	if a.forget || a.target != nil {
		o.sink.flush() // what the next backend says is not the rest of this one's line
	}
	if a.target != nil {
		o.sink.close()
		lost := o.sink.losses().lost
		o.sink = newSink(*a.target)
		o.sink.losses().lost = lost
	}
	if a.reopen || a.target != nil {
		o.sink.reopen()
	}
}

// drain takes what the FIFO holds, but not for ever where a backend goes on
// writing. It reads past the poller, which would refuse once the next ask has
// set its deadline.
func (o *Output) drain() {
	o.raw.Control(func(fd uintptr) {
		for total := 0; total < drainMost; {
			n, err := unix.Read(int(fd), o.chunk[:])
			if err == unix.EINTR {
				continue
			}
			if n <= 0 {
				return
			}
			o.take(o.chunk[:n])
			total += n
		}
	})
}

// Last returns the last words after everything has been read that was in the
// FIFO when it was called: after a backend's exit, its very last line is there.
// With forget they are forgotten afterwards, for a new backend to begin with
// none. It fails when ctx ends first, or when Run has returned.
func (o *Output) Last(ctx context.Context, forget bool) (Words, error) {
	w, err := o.ask(ctx, ask{forget: forget})
	if err != nil {
		return Words{}, fmt.Errorf("cannot read the last words: %w", err)
	}
	return w, nil
}

// Reopen opens the file anew that is at the target's path, for logrotate has
// moved the former, or connects again. What was printed before goes to the old
// one. It returns why the target cannot be opened; it is tried again by itself.
// It fails when ctx ends first, or when Run has returned.
func (o *Output) Reopen(ctx context.Context) error {
	w, err := o.ask(ctx, ask{reopen: true})
	if err != nil {
		return fmt.Errorf("cannot reopen the output: %w", err)
	}
	return w.Cause
}

// Redirect makes t the target. What was printed before goes to the old one, and
// files of the old one stay. An error means what Reopen's does: t is in force
// even where it cannot be opened, unless ctx has ended or Run returned.
func (o *Output) Redirect(ctx context.Context, t Target) error {
	w, err := o.ask(ctx, ask{target: &t})
	if err != nil {
		return fmt.Errorf("cannot redirect the output to %s: %w", t.To, err)
	}
	return w.Cause
}

func (o *Output) ask(ctx context.Context, a ask) (Words, error) {
	a.reply = make(chan Words, 1)
	select {
	case o.asks <- a:
	case <-o.ended:
		return Words{}, os.ErrClosed
	case <-ctx.Done():
		return Words{}, ctx.Err()
	}
	o.wake()
	select {
	case w := <-a.reply:
		return w, nil
	case <-o.ended:
	case <-ctx.Done():
		return Words{}, ctx.Err()
	}
	select {
	case w := <-a.reply: // answered just before the end
		return w, nil
	default:
		return Words{}, os.ErrClosed
	}
}
