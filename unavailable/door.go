package unavailable

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A door is where connections come in. A seat is one that may be served at a
// time, with the buffer that it reads through: made when first taken, kept for
// the next, so memory stays what it is.
//
// The door must be shut the moment the word ends, and O_NONBLOCK, by which a
// server usually makes sure of that, is out of the question: it belongs to
// the open file description, which the backends share. So a connection is
// accepted only when poll(2) saw one, and the word not at its end. Still
// somebody else may take it in between, and accept4(2) then blocks. That call
// is ended by a signal. It is either interrupted, and has taken no connection,
// or it has returned one, which is served like any other: nothing is lost
// between the two, as it would be with a process that is killed.
type door struct {
	socket int
	word   int
	seats  chan *bufio.Reader // free ones; nil where no buffer was needed yet
	thread chan int           // the accepting thread
	left   chan error         // that thread's end
}

// wake ends a system call of the accepting thread. The Go runtime catches it,
// and does nothing.
const wake = unix.SIGUSR1

// accept gives everybody who comes a seat and a goroutine, until the context
// ends or the socket fails.
func (d *door) accept(ctx context.Context, serve func(conn int, in *bufio.Reader)) {
	runtime.LockOSThread() // for good: the thread ends here, and a late signal with it
	d.thread <- unix.Gettid()
	for ctx.Err() == nil {
		var in *bufio.Reader
		select {
		case in = <-d.seats:
		case <-ctx.Done():
			d.left <- nil
			return
		}
		conn, err := d.next(ctx)
		if err != nil || conn < 0 {
			d.seats <- in
			if err != nil {
				d.left <- err
				return
			}
			continue
		}
		if in == nil {
			in = bufio.NewReaderSize(nil, bufferSize)
		}
		go serve(conn, in)
	}
	d.left <- nil
}

// next waits for one connection. It returns -1 when there is none yet, or when
// the word is at its end.
func (d *door) next(ctx context.Context) (int, error) {
	fds := []unix.PollFd{
		{Fd: int32(d.socket), Events: unix.POLLIN},
		{Fd: int32(d.word), Events: unix.POLLRDHUP},
	}
	if _, err := unix.Poll(fds, -1); err != nil {
		return -1, nil // interrupted
	}
	if fds[1].Revents != 0 {
		<-ctx.Done() // it is about to end
		return -1, nil
	}
	return d.take(ctx)
}

// take accepts one connection, and blocks where another process took it first.
func (d *door) take(ctx context.Context) (int, error) {
	conn, _, err := unix.Accept4(d.socket, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	switch err {
	case nil:
		return conn, nil
	case unix.EINTR, unix.EAGAIN, unix.ECONNABORTED:
		return -1, nil
	case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
		// The connection stays pending, and poll would return at once for ever.
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
		return -1, nil
	}
	return -1, fmt.Errorf("cannot accept from the listening socket: %w", err)
}

// interrupt wakes the accepting thread, whose context has ended, until it has
// left. Once is not enough: a signal that comes just before the system call
// interrupts nothing.
func (d *door) interrupt() error {
	thread := <-d.thread
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		unix.Tgkill(os.Getpid(), thread, wake)
		select {
		case err := <-d.left:
			return err
		case <-again.C:
		}
	}
}

// awaitEnd returns when every write end of the pipe is closed.
func awaitEnd(pipe int) {
	fds := []unix.PollFd{{Fd: int32(pipe), Events: unix.POLLRDHUP}}
	for {
		if n, err := unix.Poll(fds, -1); n > 0 || err != unix.EINTR {
			return
		}
	}
}

// interruptible lets wake end a system call with EINTR. The Go runtime has its
// signals restart them (SA_RESTART of sigaction(2)), with no way to say
// otherwise, so the flag is taken out of what it told the kernel. That is the
// second word of struct kernel_sigaction everywhere but on MIPS.
func interruptible() error {
	const restart, maskSize = 0x10000000, 8
	var action [16]uintptr // more than any architecture's
	sigaction := func(set, get unsafe.Pointer) error {
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(wake), uintptr(set), uintptr(get), maskSize, 0, 0)
		if errno != 0 {
			return fmt.Errorf("cannot have %s interrupt accept: %w", unix.SignalName(wake), errno)
		}
		return nil
	}
	if err := sigaction(nil, unsafe.Pointer(&action)); err != nil {
		return err
	}
	action[1] &^= restart
	return sigaction(unsafe.Pointer(&action), nil)
}
