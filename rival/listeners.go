package rival

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
)

// A listener is a listening socket.
type listener struct {
	inode uint64
	name  string         // of a Unix socket: what it was bound to, "@..." for an abstract one
	addr  netip.AddrPort // of a TCP socket
	only6 bool           // of IPv6's, that is none of IPv4's
	bound bool           // file is known
	file  bound
}

// bound is a socket file as the kernel itself names it: 32 bits each, and the
// device that of the file system, which is not always that of stat(2).
type bound struct{ dev, ino uint32 }

func (l listener) String() string {
	if l.addr.IsValid() {
		return l.addr.String()
	}
	if l.name == "" {
		return "a socket without a name"
	}
	return printable(l.name)
}

// Bytes that are read of a table: of TCP some 400 sockets, for connections
// follow those that listen, and there may be many.
const (
	mostTCP  = 64 << 10
	mostUnix = 1 << 20
)

// tcpListeners reads who listens in the network namespace of a process, from
// /proc/PID/net/tcp and tcp6, see proc_pid_net(5): the listening sockets are
// the first in them.
func (h host) tcpListeners(pid int) (found []listener) {
	for _, name := range []string{"net/tcp", "net/tcp6"} {
		lines := strings.Split(string(h.read(pid, name, mostTCP)), "\n")
		for _, line := range lines[min(1, len(lines)):] {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != "0A" {
				break
			}
			addr, ok := hexAddress(f[1])
			inode, err := strconv.ParseUint(f[9], 10, 64)
			if ok && err == nil && inode != 0 {
				found = append(found, listener{inode: inode, addr: addr})
			}
		}
	}
	return found
}

// hexAddress reads "0100007F:1F40", words of 32 bits as they lie in memory.
func hexAddress(text string) (a netip.AddrPort, ok bool) {
	ip, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(ip)
	number, wrong := strconv.ParseUint(port, 16, 16)
	if err != nil || wrong != nil || len(raw)%4 != 0 {
		return a, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	address, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(address, uint16(number)), ok
}

// acceptsConnections is __SO_ACCEPTCON of the flags in /proc/net/unix.
const acceptsConnections = 1 << 16

// strangeListeners reads who listens in the network namespace of a process
// that is not ours: no dump shows that. The names may be forged; they are for
// people.
func (h host) strangeListeners(pid int) []listener {
	found := h.tcpListeners(pid)
	for line := range strings.Lines(string(h.read(pid, "net/unix", mostUnix))) {
		f := strings.Fields(line)
		if len(f) < 7 {
			continue
		}
		flags, err := strconv.ParseUint(f[3], 16, 64)
		inode, wrong := strconv.ParseUint(f[6], 10, 64)
		if err == nil && wrong == nil && flags&acceptsConnections != 0 {
			found = append(found, listener{inode: inode, name: strings.Join(f[7:], " ")})
		}
	}
	return found
}
