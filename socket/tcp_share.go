package socket

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Share makes room for Bind at a TCP address where somebody else listens: a
// second socket can be bound there when the first one shares its port and is of
// the same user (SO_REUSEPORT, socket(7)), and root may see to both through a
// duplicate of the other's descriptor. Nothing changes for who listens, nor for
// who connects, before Publish.
//
// The error wraps fs.ErrPermission for an ordinary user. At a path there is
// nothing to do, for a name can be taken over.
func Share(o Options) error {
	if !isTCP(o.Path) {
		return nil
	}
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
		if err := share(ino); err != nil {
			return fmt.Errorf("cannot share %s with who listens there: %w", o.Path, err)
		}
	}
	return nil
}

func share(ino uint32) error {
	var pids []int
	for _, h := range holders(ino, 0) {
		pids = append(pids, h.PID)
	}
	fd, err := Retrieve(uint64(ino), pids)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Fchown(fd, os.Geteuid(), -1); err != nil { // of the socket: whose the port is
		return fmt.Errorf("fchown of socket %d: %w", ino, err)
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}
