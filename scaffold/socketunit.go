package scaffold

import (
	"strconv"
	"strings"
)

// socketUnit takes the listening socket's properties from the .socket.
func (u *unit) socketUnit(s Source) {
	names := u.sockets
	if len(names) == 0 {
		names = []string{strings.TrimSuffix(u.full, ".service") + ".socket"}
	}
	for _, name := range names {
		if s.Beside == nil || strings.ContainsRune(name, '/') {
			continue
		}
		text, found := s.Beside(name)
		if !found {
			continue
		}
		u.p.passed = true
		u.p.Handoff = "listen-fds"
		if u.stdin == "socket" {
			u.p.Handoff = "fd0"
		}
		u.p.note("disable %s, too: keepone makes the socket", name)
		for _, l := range unitLines(text) {
			if l.section == "Socket" {
				u.socketLine(name, setting{l.section, l.key, u.specifiers(l.value)})
			}
		}
		return
	}
	if u.stdin == "socket" || len(u.sockets) > 0 {
		u.p.passed = true
		u.p.note("the unit is handed a socket by a .socket that is not beside it: socket.path is that one's ListenStream=")
	}
}

// socketLine carries over one line of [Socket]; see systemd.socket(5).
func (u *unit) socketLine(name string, l setting) {
	p := u.p
	switch l.key {
	case "ListenStream":
		if p.Socket != "" {
			p.note("%s listens at %s, too; keepone has one listening socket", name, l.value)
		} else {
			p.Socket = p.address(l.value)
		}
	case "SocketUser":
		p.set("socket.owner", quote(l.value))
	case "SocketGroup":
		p.set("socket.group", quote(l.value))
	case "SocketMode":
		if isMode(l.value) {
			p.set("socket.mode", quote(l.value))
		}
	case "Backlog":
		if n, err := strconv.Atoi(l.value); err == nil && n > 0 && n <= 65535 {
			p.set("socket.backlog", l.value)
		}
	case "Accept":
		if l.value == "yes" || l.value == "true" {
			p.note("%s has Accept=yes, a process for each connection: keepone has one backend for all", name)
		}
	}
}
