package scaffold

import (
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// takeAddress makes the address that a command binds keepone's, unless another
// is known already: the web server connects there today.
func (p *Plan) takeAddress(s server, c *call) {
	var all []string
	for _, option := range strings.Fields(s.addresses) {
		all = append(all, c.got[option]...)
	}
	host, port := c.last(strings.Fields(s.host)...), c.last(strings.Fields(s.port)...)
	if port != "" || host != "" && s.binds != "" && len(all) == 0 {
		if port == "" {
			_, port, _ = net.SplitHostPort(s.binds)
		}
		all = append(all, net.JoinHostPort(strings.Trim(host, "[]"), port))
	}
	if len(all) == 0 && p.Socket == "" && p.runs && !p.passed && s.binds != "" {
		p.note("it listens at its default, %s, today; so that the web server finds it, so does keepone", s.binds)
		all = append(all, s.binds)
	}
	if len(all) > 1 {
		p.note("it binds %s; keepone has one listening socket, the first", strings.Join(all, " and "))
	}
	if len(all) > 0 && p.Socket == "" {
		p.Socket = p.address(all[0])
	}
}

// address writes an address in the ways of many programs in keepone's: a
// path, or tcp://address:port. "" is one that keepone cannot have.
func (p *Plan) address(text string) string {
	text, _, _ = strings.Cut(text, "?") // Puma's options
	bare := text
	for _, scheme := range []string{"unix:", "http:", "tcp:", "fcgi:"} {
		if rest, found := strings.CutPrefix(bare, scheme); found {
			bare = strings.TrimPrefix(rest, "//")
			if scheme == "unix:" {
				return p.socketPath(bare)
			}
			break
		}
	}
	switch {
	case bare == "", strings.HasPrefix(bare, "fd://"):
		return ""
	case strings.HasPrefix(bare, "/"):
		return p.socketPath(bare)
	case strings.HasPrefix(bare, "@"):
		p.note("it listens at the abstract socket %s; keepone has a socket with a file: tell the web server", bare)
		return ""
	}
	host, port, err := net.SplitHostPort(bare)
	if err != nil {
		host, port = "", bare
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		if host == "" && strings.ContainsAny(bare, "./") {
			return p.socketPath(bare)
		}
		p.note("its address %q is not one that keepone knows", text)
		return ""
	}
	return p.tcp(host, port)
}

func (p *Plan) tcp(host, port string) string {
	switch host {
	case "localhost":
		host = "127.0.0.1"
	case "", "*", "0.0.0.0", "::":
		p.note("it listens at port %s of every address today; keepone is told 127.0.0.1 only, which is all that a web server on this host needs", port)
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Zone() != "" {
		p.note("it listens at %s: write its number into socket.path", net.JoinHostPort(host, port))
		return ""
	}
	return "tcp://" + net.JoinHostPort(ip.Unmap().String(), port)
}

func (p *Plan) socketPath(path string) string {
	switch {
	case path == "":
		return ""
	case !filepath.IsAbs(path) && p.Directory == "":
		p.note("its socket %s is relative to a directory that is not known", path)
		return ""
	case !filepath.IsAbs(path):
		path = filepath.Join(p.Directory, path)
	}
	if strings.HasPrefix(path, "/tmp/") || strings.HasPrefix(path, "/var/tmp/") {
		p.note("the socket %s is where every user may take the name first: better one below /run/keepone, here and in the web server's configuration", path)
	}
	return filepath.Clean(path)
}
