// Package doctor looks for what keeps visitors from a site, or will one day:
// keepone, the web server, its configuration, the way to the socket, and the
// host. Every finding names the command that mends it.
//
// It changes nothing, and never connects to the listening socket: there are
// backends that die of a connection without a request. Whether the web server
// may connect is asked of the kernel, by a thread with the web server's user,
// groups and root directory.
package doctor

import (
	"net/netip"
	"strings"
	"time"
)

// A Level says how bad a finding is.
type Level string

// The levels. What could not be checked is no fault, and no all-clear.
const (
	OK         Level = "ok"
	Warning    Level = "warning"
	Error      Level = "error"
	NotChecked Level = "not checked"
)

// A Finding is one thing that was looked at.
type Finding struct {
	Level  Level  `json:"level"`
	Check  string `json:"check"`         // which: "socket", "timeout", ...; see Checks
	Object string `json:"object"`        // a file, a process, a key
	Text   string `json:"text"`          // what is so, and why that matters
	Fix    string `json:"fix,omitempty"` // a command for root; "" for none
}

// A Site is what its configuration says. Durations and sizes are those in
// force.
type Site struct {
	Name       string
	System     bool   // root runs its keepone
	File       string // the configuration; "" for none
	Say        string // what names the site to a command of keepone's: its name, or -c FILE --run-dir DIR
	Socket     string // a path, or tcp://127.0.0.1:8000
	Protocol   string // "fastcgi", "http", "scgi" or "uwsgi"
	Command    []string
	Directory  string
	Backlog    int           // connections
	Wait       time.Duration // how long a visitor waits at the worst of restarts
	Soft, Hard uint64        // limits, in bytes; 0 for none
	Runnable   error         // why the backend's program cannot be run
}

// Status is what keepone status --json says, as far as it is looked at here.
type Status struct {
	State      string
	Why        string
	InTheWay   string `json:"in_the_way"`
	Supervisor struct{ PID int }
	WebServer  *Server `json:"web_server"`
	Memory     struct {
		Room uint64 `json:"room_bytes"`
		Fits uint64 `json:"fits_bytes"`
	}
	Rivals  []Rival
	Pending []string
}

// A Rival is another interpreter of the site.
type Rival struct {
	PID                       int
	Command, Why, Origin, End string
}

// A Server is the processes of the web server. Proved says that one of them was
// seen to be connected; else they are a guess.
type Server struct {
	Name   string
	PIDs   []int
	Proved bool
}

// A Patient is all that is looked at.
type Patient struct {
	Site   Site
	Status *Status // nil where keepone does not answer
	Silent error   // why it does not
	Server Server  // nobody where none is found
	Wire   string  // the commands that have this web server hand over to the socket
	Clash  string  // what is wrong with another site's part of the web server's configuration; "" for nothing
	Start  string  // the command that has keepone run, now and at boot
}

// Checks are all of them, in the order of a visitor's way; a check returns at
// least one finding.
var Checks = []func(*Patient) []Finding{
	(*Patient).keepone, (*Patient).boot, (*Patient).rivals, (*Patient).leftovers, (*Patient).backend,
	(*Patient).webServer, (*Patient).access, (*Patient).configuration, (*Patient).backlog, (*Patient).memory, (*Patient).procfs,
}

// Examine makes every check.
func Examine(p *Patient) []Finding {
	var all []Finding
	for _, check := range Checks {
		all = append(all, check(p)...)
	}
	return all
}

// one is a single finding, of a check that has one.
func one(level Level, check, object, text, fix string) []Finding {
	return []Finding{{level, check, object, text, fix}}
}

// tcp is the site's address; false where its socket has a path.
func (s *Site) tcp() (netip.AddrPort, bool) {
	rest, ok := strings.CutPrefix(s.Socket, "tcp://")
	if !ok {
		return netip.AddrPort{}, false
	}
	at, err := netip.ParseAddrPort(rest)
	return at, err == nil
}
