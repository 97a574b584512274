package config

import (
	"fmt"
	"net/netip"
	"strings"
)

func (f address) get() any { return word(*f.to) }
func (f address) set(v any) error {
	s, err := asText(v)
	rest, tcp := strings.CutPrefix(s, tcpScheme)
	if err != nil || !tcp {
		return path{f.to, ""}.set(v)
	}
	at, err := netip.ParseAddrPort(rest)
	if err != nil || at.Port() == 0 || at.Addr().Zone() != "" {
		return fmt.Errorf("%q is not tcp://, a numeric address, a colon and a port, as in tcp://127.0.0.1:8000", s)
	}
	*f.to = tcpScheme + at.String()
	return nil
}

// tcpScheme begins a socket.path that is no path.
const tcpScheme = "tcp://"

// TCP is the address of the listening socket; false where it is a Unix socket.
func (c *Config) TCP() (at netip.AddrPort, ok bool) {
	rest, ok := strings.CutPrefix(c.Socket.Path, tcpScheme)
	if ok {
		at, _ = netip.ParseAddrPort(rest)
	}
	return at, ok
}
