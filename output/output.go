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
	if a.forget || a.target != nil || a.between != nil {
		o.sink.flush() // what comes then is not the rest of this line: another backend's, or another keepone's
	}
	if a.between != nil {
		a.between()
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
