package socket

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Reserve is Bind for where somebody else listens, who is not to notice before
// Publish: a TCP socket has no address until then.
func Reserve(o Options, generation int) (*Listener, error) {
	if !isTCP(o.Path) {
		return Bind(o, generation)
	}
	l := &Listener{options: o, generation: generation, fd: -1, file: -1}
	var err error
	if l.at, err = o.tcpAddress(); err == nil {
		err = l.makeTCP()
	}
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// bindBeside gives l its address where others listen, duplicated descriptors of
// theirs. A second socket can be bound there when the first one shares its port
// and is of the same user (SO_REUSEPORT, socket(7)); root may see to both.
// Nothing changes by that for who listens, nor for who connects.
func (l *Listener) bindBeside(others []int) error {
	for _, fd := range others {
		if err := share(fd); err != nil {
			return fmt.Errorf("cannot share %s with who listens there: %w", l.options.Path, err)
		}
	}
	return l.bindTCP()
}

func share(fd int) error {
	if err := unix.Fchown(fd, os.Geteuid(), -1); err != nil { // of the socket: whose the port is
		return fmt.Errorf("fchown: %w", err)
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}
