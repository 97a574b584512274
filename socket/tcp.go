package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A TCP address has no name to rename, so the kernel's choice of the listening
// socket does what the path does otherwise. Every generation is bound to the
// address (SO_REUSEPORT, socket(7)), and only the published one is visible: the
// former are hidden, bound to a network interface that does not exist. No new
// connection comes to a hidden socket, and all the rest stays: who waits there
// can be accepted, and a handshake that had begun there ends there. An ordinary
// user may do that, once for each socket (Linux 5.7).
//
// One after the other is visible, without a moment of none, because the next
// one listens before the former is hidden. For that moment the former does not
// share its port: else both would be one group, and the kernel would go on
// giving the former its share by a hash, hidden or not (inet_lookup_reuseport
// in net/ipv4/inet_hashtables.c). Alone in its group, the published one has it
// told by a program that number 0 gets everything, so that whoever shares the
// port later gets nothing.

// hiddenDevice is an interface that does not exist: they are numbered from 1 up.
const hiddenDevice = 1<<31 - 1

// tcpAddress is where a TCP socket listens.
type tcpAddress struct {
	tcpEnd
	family uint8
	every  bool // every address of this host
}

// tcpAddress is what the path says.
func (o Options) tcpAddress() (a tcpAddress, err error) {
	at, err := netip.ParseAddrPort(strings.TrimPrefix(o.Path, tcpScheme))
	ip := at.Addr()
	switch {
	case err != nil:
		err = errors.New("write an address in numbers and a port, such as tcp://127.0.0.1:8000 or tcp://[::1]:8000")
	case ip.Zone() != "":
		err = errors.New("an address with a zone is not supported")
	case ip.Is4In6():
		err = fmt.Errorf("write the address as IPv4, tcp://%s:%d", ip.Unmap(), at.Port())
	case ip.IsMulticast():
		err = errors.New("nobody can listen at a multicast address")
	case at.Port() == 0:
		err = errors.New("the port must be one from 1 to 65535")
	}
	if err != nil {
		return a, fmt.Errorf("cannot use %q for a listening socket: %w", o.Path, err)
	}
	a.port, a.every, a.family = at.Port(), ip.IsUnspecified(), unix.AF_INET6
	if ip.Is4() {
		a.family = unix.AF_INET
	}
	copy(a.addr[:], ip.AsSlice())
	return a, nil
}

func (a tcpAddress) sockaddr() unix.Sockaddr {
	if a.family == unix.AF_INET {
		return &unix.SockaddrInet4{Port: int(a.port), Addr: [4]byte(a.addr[:4])}
	}
	return &unix.SockaddrInet6{Port: int(a.port), Addr: a.addr}
}

// has says whether what was accepted at the address can have such an end.
func (a tcpAddress) has(r tcpReport) bool {
	return r.family == a.family && r.here.port == a.port && (a.every || r.here.addr == a.addr)
}

// meets says whether somebody who listens there may get a connection that is
// meant for the address.
func (a tcpAddress) meets(r tcpReport) bool {
	there := r.here.addr == [16]byte{}
	if r.family == a.family {
		return a.every || there || r.here.addr == a.addr
	}
	return a.family == unix.AF_INET6 && a.every || r.family == unix.AF_INET6 && there && !r.v6only
}

func (tcpFamily) check(o Options) error {
	_, err := o.tcpAddress()
	return err
}

func (tcpFamily) prepare(o Options, ours []int) error {
	a, err := o.tcpAddress()
	if err != nil {
		return err
	}
	d, err := OpenDiag()
	if err != nil {
		return err
	}
	defer d.Close()
	others, err := d.listenersAt(a)
	if err != nil {
		return err
	}
	for _, ino := range others.all() {
		if !slices.ContainsFunc(ours, func(pid int) bool { return holds(pid, ino) }) {
			return &InUseError{Path: o.Path, Holders: holders(ino, 0)}
		}
	}
	return nil
}

func (tcpFamily) bind(l *Listener) (err error) {
	if l.at, err = l.options.tcpAddress(); err != nil {
		return err
	}
	if err = l.makeTCP(); err != nil {
		return err
	}
	return l.bindTCP()
}

// bindTCP gives the socket its address. It does not listen: for want of a way to
// hide it first that would publish it.
func (l *Listener) bindTCP() error {
	fail := func(what string, err error) error {
		return fmt.Errorf("cannot make listening socket %s: %s: %w", l.options.Path, what, err)
	}
	switch err := unix.Bind(l.fd, l.at.sockaddr()); {
	case err == nil:
		l.bound = true
		return nil
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fail("this host does not have the address (yet); ip addr shows which it has", err)
	case errors.Is(err, unix.EACCES):
		return fail(fmt.Sprintf("port %d is root's (net.ipv4.ip_unprivileged_port_start)", l.at.port), err)
	case !errors.Is(err, unix.EADDRINUSE):
		return fail("bind", err)
	}
	inUse := &InUseError{Path: l.options.Path}
	if _, who, cause := (tcpFamily{}).listening(l.options); cause == nil {
		inUse.Holders = who
	}
	return inUse
}

// makeTCP makes the socket, with all that must be so before it has an address.
func (l *Listener) makeTCP() (err error) {
	fail := func(what string, err error) error {
		return fmt.Errorf("cannot make listening socket %s: %s: %w", l.options.Path, what, err)
	}
	if l.fd, err = unix.Socket(int(l.at.family), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP); err != nil {
		return fail("socket", err)
	}
	for _, option := range []int{unix.SO_REUSEADDR, unix.SO_REUSEPORT} {
		if err := unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, option, 1); err != nil {
			return fail("setsockopt", err)
		}
	}
	if l.at.family == unix.AF_INET6 && l.at.every {
		if err := unix.SetsockoptInt(l.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0); err != nil {
			return fail("setsockopt", err)
		}
	}
	return l.identify()
}

func (tcpFamily) adopt(l *Listener) (err error) {
	if l.at, err = l.options.tcpAddress(); err != nil {
		return err
	}
	err = l.must(trait{unix.SO_DOMAIN, int(l.at.family), "of that address family"},
		trait{unix.SO_PROTOCOL, unix.IPPROTO_TCP, "a TCP socket"})
	if err != nil {
		return err
	}
	if !l.accepting() {
		return ErrUnpublished
	}
	l.bound, l.listens = true, true
	at, err := unix.Getsockname(l.fd)
	if err != nil {
		return err
	}
	var end tcpEnd
	switch at := at.(type) {
	case *unix.SockaddrInet4:
		end.port = uint16(at.Port)
		copy(end.addr[:], at.Addr[:])
	case *unix.SockaddrInet6:
		end = tcpEnd{at.Addr, uint16(at.Port)}
	}
	if end != l.at.tcpEnd {
		return errors.New("it is bound to another address")
	}
	return l.identify()
}

func (tcpFamily) foreign(l *Listener) (err error) {
	if l.at, err = l.options.tcpAddress(); err != nil {
		return err
	}
	d, err := OpenDiag()
	if err != nil {
		return err
	}
	defer d.Close()
	if _, err = d.listenerTCP(l); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot find socket %d listening at %s: %w", l.sockIno, l.options.Path, err)
	}
	l.bound, l.listens = true, true
	return err
}

func (tcpFamily) listening(o Options) (live bool, who []Holder, err error) {
	a, err := o.tcpAddress()
	if err != nil {
		return false, nil, err
	}
	d, err := OpenDiag()
	if err != nil {
		return false, nil, err
	}
	defer d.Close()
	others, err := d.listenersAt(a)
	for _, ino := range others.all() {
		who = append(who, holders(ino, 0)...)
	}
	return len(others.all()) > 0, who, err
}
