package socket

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// Options say where the listening socket appears and how.
type Options struct {
	Path    string      // absolute; or tcp://ADDRESS:PORT, for which owner and mode mean nothing
	UID     int         // owner; -1: leave
	GID     int         // group; -1: leave
	Mode    fs.FileMode // permission bits; who may write may connect (unix(7))
	Backlog int         // how many connections may wait; net.core.somaxconn caps it
}

// A family is what differs between listening sockets at a path and at a TCP
// address. What the methods do stands at the exported functions that call them.
type family interface {
	check(o Options) error
	prepare(o Options, ours []int) error
	bind(l *Listener) error // an error leaves Close to do the rest
	adopt(l *Listener) error
	foreign(l *Listener) error
	publish(l *Listener, ours []int) error // ours has this process
	published(l *Listener) bool
	withdraw(l *Listener) error
	connect(l *Listener) (fd int, err error)
	watch(w *Watch, l *Listener) error
	listening(o Options) (live bool, who []Holder, err error)
	activeIn(l *Listener, pids []int) (int, error)

	queue(d *Diag, l *Listener) (Queue, error)
	busy(d *Diag, l *Listener) (Busy, error)
	peers(d *Diag, l *Listener, buf []uint64) ([]uint64, error)
	mend(d *Diag, l *Listener, published bool) (Cure, error)
	// remainder returns what Drained asks: Queue, and in it whatever may still
	// become pending although connections come no more.
	remainder(d *Diag, l *Listener) func() (Queue, error)
}

type (
	unixFamily struct{}
	tcpFamily  struct{}
)

const tcpScheme = "tcp://"

func isTCP(path string) bool { return strings.HasPrefix(path, tcpScheme) }

func (o Options) family() family {
	if isTCP(o.Path) {
		return tcpFamily{}
	}
	return unixFamily{}
}

func (o Options) check() error { return o.family().check(o) }

func (l *Listener) family() family { return l.options.family() }

// Shared says that Queue.Active counts the connections of every generation:
// those at one TCP address cannot be told apart.
func (l *Listener) Shared() bool { return isTCP(l.options.Path) }

func (unixFamily) check(o Options) error {
	if !filepath.IsAbs(o.Path) || strings.HasSuffix(o.Path, "/") {
		return fmt.Errorf("cannot use %q for a listening socket: not the absolute path of a file", o.Path)
	}
	return nil
}

func (unixFamily) remainder(d *Diag, l *Listener) func() (Queue, error) {
	return func() (Queue, error) { return d.Queue(l) }
}
