package socket

import "fmt"

// peersMost is how many connections Peers looks up: enough to see whose they
// are.
const peersMost = 64

// Peers appends to buf the sockfs inodes of those at the other end of the
// connections that were accepted at l: the N of the socket:[N] in their
// /proc/PID/fd. There are at most 64 of them; missing are those who have closed
// and those of other network namespaces. Any of them may be missing, or be
// there twice, where the table of sockets changed meanwhile. It allocates only
// what buf has no room for.
func (d *Diag) Peers(l *Listener, buf []uint64) ([]uint64, error) {
	return l.family().peers(d, l, buf)
}

func (unixFamily) peers(d *Diag, l *Listener, buf []uint64) ([]uint64, error) {
	first := len(buf)
	r, err := d.exact(uint32(l.sockIno), showVFS)
	if err == nil && (r.state != stateListen || !r.bound) {
		err = errNotListening
	}
	if err == nil {
		file := r.file
		_, err = d.dump(1<<stateEstablished, showVFS|showPeer, func(r report) {
			if r.bound && r.file == file && r.ino != 0 && r.peer != 0 && len(buf)-first < peersMost {
				buf = append(buf, uint64(r.peer))
			}
		})
	}
	if err != nil {
		return buf[:first], fmt.Errorf("cannot ask unix_diag who is connected to %s: %w", l.options.Path, err)
	}
	return buf, nil
}
