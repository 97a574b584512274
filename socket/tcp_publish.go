package socket

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// ErrSuperseded: no connection comes to this generation any more, because
// another one was published at its TCP address, or it was withdrawn.
var ErrSuperseded = errors.New("connections do not come to this generation any more")

// ErrUnpublished: a TCP socket that does not listen was never published, or was
// shut down. It is of no use to whoever finds it.
var ErrUnpublished = errors.New("it is not listening")

// publish makes l the visible one. What listens there beside it must be a former
// generation, held by one of ours.
//
// keepone may be killed between any two of the steps. While two are visible the
// former one does not share its port, by which published knows.
func (tcpFamily) publish(l *Listener, ours []int) error {
	d, err := OpenDiag()
	if err != nil {
		return err
	}
	defer d.Close()
	beside, err := d.besides(l)
	if err != nil {
		return err
	}
	var former []int
	defer func() {
		for _, fd := range former {
			_ = unix.Close(fd)
		}
	}()
	for _, ino := range beside.all() {
		fd, err := Retrieve(uint64(ino), ours)
		switch {
		case err == nil:
			former = append(former, fd)
		case slices.ContainsFunc(ours, func(pid int) bool { return holds(pid, ino) }):
			l.upkeep.beside = ino // an ordinary user may not take it
		default:
			return &InUseError{Path: l.options.Path, Holders: holders(ino, 0)}
		}
	}
	if !l.bound {
		if err := l.bindBeside(former); err != nil {
			return err
		}
	}
	if err := l.supersede(former); err != nil {
		return fmt.Errorf("cannot publish listening socket %s: %w", l.options.Path, err)
	}
	return nil
}

// supersede lets l listen and hides the former ones, duplicated descriptors of
// theirs.
func (l *Listener) supersede(former []int) (err error) {
	share := func(value int) {
		for _, fd := range former {
			err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, value))
		}
	}
	if share(0); err == nil && !l.listens {
		if err = unix.Listen(l.fd, l.options.Backlog); err == nil {
			l.listens = true
		}
	}
	if err == nil && l.fd >= 0 {
		err = l.takeAll()
	}
	if err == nil && len(former) > 0 {
		seenByAll()
		for _, fd := range former {
			err = errors.Join(err, hide(fd))
		}
	}
	share(1)
	return err
}

// seenByAll returns when no CPU is any more in a lookup that began before: one
// that has passed the place where the next socket was put in, and comes to the
// former when that is hidden, would find none and refuse. Lookups are RCU
// readers, and membarrier(2) waits for those, some milliseconds. Where it cannot
// (nohz_full), the steps in between are all the time there is.
func seenByAll() {
	const global = 1 // MEMBARRIER_CMD_GLOBAL
	_, _, _ = unix.Syscall(unix.SYS_MEMBARRIER, global, 0, 0)
}

// hide lets no further connection come to a listening socket.
func hide(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, hiddenDevice)
}

// takeAll gives l every connection that comes to those who share the address
// with it, now or later: a program says the number of who gets it, in the order
// in which they called listen(2) (SO_ATTACH_REUSEPORT_CBPF, socket(7)). l is the
// first, or the second to a former generation that cannot be hidden; when that
// has gone, l is the only one, and a number that there is not means any.
func (l *Listener) takeAll() error {
	share, err := unix.GetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT)
	if err != nil || share == 0 {
		return err // an init system's
	}
	program := [1]unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K}}
	if l.upkeep.beside != 0 {
		program[0].K = 1
	}
	return unix.SetsockoptSockFprog(l.fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// published: one that does not share its port beside another visible one was
// about to be hidden. One of an init system need not share, and is alone.
func (tcpFamily) published(l *Listener) bool {
	d, err := OpenDiag()
	if err != nil {
		return false
	}
	defer d.Close()
	r, err := d.listenerTCP(l)
	if err != nil || r.device == hiddenDevice || l.fd < 0 {
		return err == nil && r.device != hiddenDevice
	}
	if share, err := unix.GetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT); err != nil || share != 0 {
		return err == nil
	}
	beside, err := d.besides(l)
	return err == nil && len(beside.all()) == 0
}

func (tcpFamily) withdraw(l *Listener) error {
	if l.fd < 0 || !l.accepting() || l.isHidden() {
		return nil
	}
	if err := hide(l.fd); err != nil {
		return fmt.Errorf("cannot withdraw listening socket %s: %w", l.options.Path, err)
	}
	return nil
}

// accepting says whether the socket listens, and was not shut down.
func (l *Listener) accepting() bool {
	n, err := unix.GetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	return err == nil && n == 1
}

func (l *Listener) isHidden() bool {
	n, err := unix.GetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX)
	return err == nil && n == hiddenDevice
}

// connectWait is for a connection to this host, which takes microseconds: one
// that takes longer was not answered, for the backlog is full.
const connectWait = 100 * time.Millisecond

func (tcpFamily) connect(l *Listener) (int, error) {
	fd, err := l.connectTCP()
	if err != nil {
		return -1, fmt.Errorf("cannot connect to %s: %w", l.options.Path, err)
	}
	return fd, nil
}

func (l *Listener) connectTCP() (int, error) {
	switch {
	case l.fd >= 0 && !l.accepting():
		return -1, unix.ECONNREFUSED
	case l.fd >= 0 && l.isHidden():
		return -1, ErrSuperseded
	}
	fd, err := unix.Socket(int(l.at.family), unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_TCP)
	if err != nil {
		return -1, err
	}
	// Every address as a destination is this host, ip(7).
	if err = unix.Connect(fd, l.at.sockaddr()); errors.Is(err, unix.EINPROGRESS) {
		err = connectedTCP(fd)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// connectedTCP waits for the end of connect(2).
func connectedTCP(fd int) error {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for end := time.Now().Add(connectWait); ; {
		n, err := unix.Poll(poll, max(0, int(time.Until(end).Milliseconds())))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n == 0:
			return unix.EAGAIN
		}
		errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && errno != 0 {
			err = unix.Errno(errno)
		}
		return err
	}
}

// watch: there is no file.
func (tcpFamily) watch(*Watch, *Listener) error { return nil }

func (tcpFamily) activeIn(l *Listener, _ []int) (int, error) {
	d, err := OpenDiag()
	if err != nil {
		return 0, err
	}
	defer d.Close()
	q, err := d.Queue(l)
	if l.fd < 0 && errors.Is(err, os.ErrNotExist) {
		return 0, nil // gone with its last holder
	}
	return q.Active, err
}
