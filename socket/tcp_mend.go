package socket

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

var errNotSeen = errors.New("it listens, and inet_diag does not show it")

// mend at a TCP address: Cure.Path says that a former generation of ours was
// visible beside l and is hidden now, Cure.InTheWay who else listens there.
func (tcpFamily) mend(d *Diag, l *Listener, published bool) (c Cure, err error) {
	var others tcpOthers
	own, err := d.listenersTCP(l.at, uint32(l.sockIno), &others)
	switch {
	case err != nil:
		return c, err
	case !l.listens && l.fd >= 0 && published:
		return l.mendUnpublished(others)
	case own.state != stateListen && l.fd >= 0 && l.accepting():
		return c, fmt.Errorf("cannot look after the queue of %s: %w", l.options.Path, errNotSeen)
	case own.state != stateListen && l.listens:
		c.Broken = fmt.Errorf("cannot serve at %s any more: %w", l.options.Path, ErrShutDown)
		return c, nil
	case own.state != stateListen:
		return c, fmt.Errorf("cannot look after the queue of %s: %w", l.options.Path, errNotListening)
	case published && own.device == hiddenDevice:
		c.Broken = fmt.Errorf("cannot serve at %s any more: %w", l.options.Path, ErrSuperseded)
		return c, nil
	}
	if c.Backlog, err = d.mendBacklogTCP(l, own); err != nil {
		err = fmt.Errorf("cannot look after the queue of %s: %w", l.options.Path, err)
	}
	if published {
		c.Path, c.InTheWay = l.mendAddress(others)
	}
	return c, err
}

// mendBacklogTCP listens again where the backlog is smaller than it was made.
func (d *Diag) mendBacklogTCP(l *Listener, own tcpReport) (longer bool, err error) {
	most := l.options.Backlog
	if l.upkeep.most > 0 {
		most = l.upkeep.most
	}
	if int(own.backlog) >= most || l.fd < 0 {
		return false, nil
	}
	if err := l.Relisten(); err != nil {
		return false, err
	}
	now, err := d.listenerTCP(l)
	if err == nil && now.backlog == own.backlog {
		l.upkeep.most = int(now.backlog) // net.core.somaxconn has cut it, nobody else
	}
	return err == nil && now.backlog > own.backlog, err
}

// hideOwn hides a listening socket that this process holds.
func hideOwn(ino uint32) error {
	fd, err := Retrieve(uint64(ino), []int{os.Getpid()})
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return hide(fd)
}

// mendUnpublished publishes what could not be published before, as soon as
// nobody else listens at the address.
func (l *Listener) mendUnpublished(others tcpOthers) (c Cure, err error) {
	if there := others.all(); len(there) > 0 {
		if ino := there[0]; ino != l.upkeep.obstacle.ino {
			l.upkeep.obstacle = obstacle{ino: ino, err: &InUseError{Path: l.options.Path, Holders: holders(ino, 0)}}
		}
		return Cure{InTheWay: l.upkeep.obstacle.err}, nil
	}
	err = l.Publish()
	return Cure{Path: err == nil}, err
}

// mendAddress looks at those that are visible beside l. One that this process
// holds is a former generation: a keepone was killed before it hid it, or a
// backend let it listen anew after it was shut down.
func (l *Listener) mendAddress(others tcpOthers) (hidden bool, inTheWay error) {
	stays := uint32(0)
	for _, ino := range others.all() {
		if ino == l.upkeep.beside {
			continue
		}
		if ino != l.upkeep.obstacle.ino {
			if hideOwn(ino) == nil {
				hidden = true
				continue
			}
			if stays == 0 {
				l.upkeep.obstacle = obstacle{ino: ino, err: &InUseError{Path: l.options.Path, Holders: holders(ino, 0)}}
			}
		}
		stays = ino
	}
	if stays == 0 {
		l.upkeep.obstacle = obstacle{}
		return hidden, nil
	}
	return hidden, l.upkeep.obstacle.err
}
