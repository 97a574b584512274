// Package recipe writes what a web server's configuration needs for a site
// behind keepone: static files from the disk, everything else to the listening
// socket. It knows lighttpd, nginx, Apache and Caddy, where their files belong,
// and how they test them.
//
// Every text keeps to what a planned restart needs: one request to a
// connection, no program that the web server starts by itself, and more
// patience than a restart takes at its worst.
package recipe

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Site is what is to be served. Check tells whether its words can stand in a
// configuration.
type Site struct {
	Name     string // of the backend
	Protocol string // "fastcgi", "http", "scgi" or "uwsgi"
	Socket   string // a path, or tcp://127.0.0.1:8000
	Host     string // the name in the URL; "" for every name
	Port     int    // where nginx, Caddy and an Apache with Host listen
	Prefix   string // "/app": only URLs from there on are the backend's; "" for all
	Static   []Static
	Script   string        // what SCRIPT_FILENAME is for each request, for PHP and fcgiwrap; "" for none
	Wait     time.Duration // how long a visitor waits at the worst of restarts
	IPv6     bool          // whether the host has it
}

// Static is a directory that the web server serves by itself. URL ends with a
// slash, Dir does not. A "*" in both stands for any one segment; then Dir ends
// as URL does: /*/static/ in /srv/web2py/applications/*/static.
type Static struct{ URL, Dir string }

// Servers are the web servers there are texts for.
var Servers = []string{"lighttpd", "nginx", "apache", "caddy"}

// speaks lists the protocols that a server has towards a backend, as their
// documentation lists them: mod_fastcgi, mod_proxy and mod_scgi of lighttpd,
// the *_pass directives of nginx, the mod_proxy_* of Apache, the transports of
// Caddy's reverse_proxy.
var speaks = map[string][]string{
	"lighttpd": {"fastcgi", "http", "scgi", "uwsgi"},
	"nginx":    {"fastcgi", "http", "scgi", "uwsgi"},
	"apache":   {"fastcgi", "http", "scgi", "uwsgi"},
	"caddy":    {"fastcgi", "http"},
}

// Text returns the part of the server's configuration for a site. It fails for
// an unknown server, for a protocol that it does not speak, and for what Check
// refuses.
func Text(server string, s Site) (string, error) {
	known, ok := speaks[server]
	if !ok {
		return "", fmt.Errorf("cannot write for the web server %q: these are known: %s", server, strings.Join(Servers, ", "))
	}
	if !slices.Contains(known, s.Protocol) {
		return "", fmt.Errorf("cannot write for %s: it does not speak %s, only %s", server, s.Protocol, strings.Join(known, ", "))
	}
	if err := s.Check(); err != nil {
		return "", err
	}
	t := &text{}
	switch server {
	case "lighttpd":
		s.lighttpd(t)
	case "nginx":
		s.nginx(t)
	case "apache":
		s.apache(t)
	case "caddy":
		s.caddy(t)
	}
	return t.String(), nil
}

// tcp is the address of the listening socket; false where it has a path.
func (s *Site) tcp() (netip.AddrPort, bool) {
	rest, ok := strings.CutPrefix(s.Socket, "tcp://")
	if !ok {
		return netip.AddrPort{}, false
	}
	at, err := netip.ParseAddrPort(rest)
	return at, err == nil
}

// cgi says that requests travel as CGI variables, see RFC 3875.
func (s *Site) cgi() bool { return s.Protocol != "http" }

// seconds is Wait in whole seconds, and some to spare: a web server that gives
// up first answers 504 to who would have been served.
func (s *Site) seconds() int { return int((s.Wait + 5*time.Second + time.Second - 1) / time.Second) }

// pattern is a regular expression of what is below the URL.
func (f Static) pattern() string {
	return "^" + strings.ReplaceAll(expression(f.URL), `\*`, "[^/]+")
}

// star tells whether URL stands for several.
func (f Static) star() bool { return strings.Contains(f.URL, "*") }

// root is the directory below which a path is what the URL is, of one with "*".
func (f Static) root() string { return strings.TrimSuffix(f.Dir+"/", f.URL) }

// below is a regular expression of the site's URLs where it has a Prefix.
func (s *Site) below() string { return "^" + expression(s.Prefix) + "(/|$)" }

// expression makes a regular expression that matches the word alone.
func expression(word string) string { return regexp.QuoteMeta(word) }

// text collects lines, indented by the blocks that are open.
type text struct {
	strings.Builder
	depth int
}

func (t *text) line(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if line != "" {
		line = strings.Repeat("    ", t.depth) + line
	}
	t.WriteString(line + "\n")
}

// in opens a block; the line ends with its brace or is a whole tag.
func (t *text) in(format string, args ...any) {
	t.line(format, args...)
	t.depth++
}

func (t *text) out(end string) {
	t.depth--
	t.line("%s", end)
}
