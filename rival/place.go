package rival

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A spot is what a listening socket has to do with our path or address.
type spot struct {
	listener
	at  bool // it is there now
	was bool // it may have been: its name is ours
	bin bool // its name is ours as lighttpd changes it
}

// A place is where the backend's listening socket is to be.
type place struct {
	path   string
	dir    file   // the directory
	device uint32 // of its file system, as sockets have it
	file   bound  // what is at the path now; zero for nothing
}

// spots picks those sockets that are at, or may have been at, the place that
// Wanted.Socket names.
func (h host) spots(socket string, unixes, inets []listener) (place, map[uint64]spot, error) {
	if address, ok := strings.CutPrefix(socket, "tcp://"); ok {
		addr, err := netip.ParseAddrPort(address)
		if err != nil {
			return place{}, nil, fmt.Errorf("cannot look for rivals at %s: %w", socket, err)
		}
		return place{}, atAddress(addr, inets), nil
	}
	found, p := map[uint64]spot{}, place{path: socket}
	if socket == "" || p.look() != nil {
		return p, found, nil // where there is no directory nobody listens
	}
	for _, l := range unixes {
		if sp := p.spot(l); sp.at || sp.was || sp.bin {
			found[l.inode] = sp
		}
	}
	return p, found, nil
}

// atAddress picks who listens at the address. The wildcard is every address of
// its family. That of IPv6 is IPv4's, too, unless the socket refuses that. Where
// that is not known, it does when somebody listens at the very address, for
// both cannot be.
func atAddress(addr netip.AddrPort, all []listener) map[uint64]spot {
	exact, wild := map[uint64]spot{}, map[uint64]spot{}
	for _, l := range all {
		theirs, ours := l.addr.Addr().Unmap(), addr.Addr().Unmap()
		if l.addr.Port() != addr.Port() {
			continue
		}
		switch family := theirs.Is4() == ours.Is4(); {
		case theirs == ours, family && (theirs.IsUnspecified() || ours.IsUnspecified()):
			exact[l.inode] = spot{listener: l, at: true}
		case ours.Is4() && theirs == netip.IPv6Unspecified() && !l.only6, theirs.Is4() && ours == netip.IPv6Unspecified():
			wild[l.inode] = spot{listener: l, at: true}
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return wild
}

// look names the directory and the file at the path.
func (p *place) look() error {
	dir, err := unix.Open(filepath.Dir(p.path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if p.dir, err = identifyAt(dir, "", unix.AT_EMPTY_PATH); err != nil {
		return err
	}
	b, err := boundAt(dir)
	if err != nil {
		return err
	}
	p.device = b.dev
	fd, err := unix.Openat(dir, filepath.Base(p.path), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil // removed
	}
	defer unix.Close(fd)
	p.file, err = boundAt(fd)
	return err
}

// boundAt names the file behind a descriptor as sockets name theirs. The device
// is that of the mount (mountinfo in proc(5)): stat(2) shows another one on
// btrfs and overlayfs.
func boundAt(fd int) (bound, error) {
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_INO|unix.STATX_MNT_ID, &st); err != nil {
		return bound{}, err
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return bound{}, err
	}
	mount := strconv.FormatUint(st.Mnt_id, 10)
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != mount {
			continue
		}
		var major, minor uint32
		if _, err := fmt.Sscanf(f[2], "%d:%d", &major, &minor); err != nil {
			return bound{}, err
		}
		return bound{dev: major<<20 | minor, ino: uint32(st.Ino)}, nil
	}
	return bound{}, errors.New("its mount is not in /proc/self/mountinfo")
}

// spot says what the socket has to do with the place. A name alone proves
// nothing: whoever holds it must mean our directory by it, see meant.
func (p *place) spot(l listener) spot {
	if !l.bound {
		return spot{}
	}
	sp := spot{listener: l, at: p.file != (bound{}) && l.file == p.file}
	if l.file.dev == p.device {
		behind, ok := strings.CutPrefix(filepath.Base(l.name), filepath.Base(p.path))
		sp.was = ok && behind == ""
		sp.bin = ok && len(behind) > 1 && behind[0] == '-' && strings.Trim(behind[1:], "0123456789") == ""
	}
	return sp
}

// meant says whether the process means our directory by the name that its
// socket was bound to.
func (h host) meant(pid int, p place, l listener) bool {
	if dir := filepath.Dir(l.name); filepath.IsAbs(dir) {
		return h.resolve(pid, dir) == p.dir
	} else if f, err := identify(h.path(pid, "cwd/"+dir)); err == nil {
		return f == p.dir
	}
	return false
}
