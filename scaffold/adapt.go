package scaffold

import (
	"path"
	"slices"
	"strings"
)

// A server is a program whose way to its listening socket is known. Facts are
// those of BACKENDS.md, where each was tried, and of the programs' --help.
type server struct {
	handoff, protocol string
	binds             string // where it listens when nobody says
	flags             string // options that go: each bare, "X=" takes a value
	addresses         string // of those, which name an address
	host, port        string // or parts of one
	user, group       string // or whom to become
	add               []string
	finish            func(p *Plan, c *call)
}

// A call is a command of a server taken apart.
type call struct {
	head []string            // up to and including the server's name
	rest []string            // its arguments, without the options that go
	got  map[string][]string // the options that went, with their values
}

// has tells whether one of the options was there.
func (c *call) has(options ...string) bool {
	return slices.ContainsFunc(options, func(o string) bool { return c.got[o] != nil })
}

// last is the value of the option that was given last of these; "" is none.
func (c *call) last(options ...string) string {
	for _, o := range options {
		if all := c.got[o]; len(all) > 0 {
			return all[len(all)-1]
		}
	}
	return ""
}

// servers by their name without a version, as in php-cgi8.2.
var servers map[string]server

func init() { // some of them lead back to Adapt
	servers = map[string]server{
		"php-cgi":  {handoff: "fd0", protocol: "fastcgi", flags: "-b= --bindpath=", addresses: "-b --bindpath"},
		"php-fpm":  {handoff: "listen-fds", protocol: "fastcgi", flags: "-D --daemonize -F --nodaemonize", add: []string{"--nodaemonize"}, finish: finishFPM},
		"fcgiwrap": {handoff: "fd0", protocol: "fastcgi", flags: "-s=", addresses: "-s"},
		"gunicorn": {handoff: "listen-fds", protocol: "http", binds: "127.0.0.1:8000", flags: "-b= --bind= -D --daemon -u= --user= -g= --group=",
			addresses: "-b --bind", user: "-u --user", group: "-g --group", finish: finishProcesses},
		"uvicorn": {handoff: "listen-fds", protocol: "http", binds: "127.0.0.1:8000", flags: "--host= --port= --uds= --fd= --reload",
			addresses: "--uds", host: "--host", port: "--port", add: []string{"--fd", "3"}, finish: finishProcesses},
		"hypercorn": {handoff: "listen-fds", protocol: "http", binds: "127.0.0.1:8000", flags: "-b= --bind= --insecure-bind= -u= --user= -g= --group= --reload",
			addresses: "-b --bind --insecure-bind", user: "-u --user", group: "-g --group", add: []string{"--bind", "fd://3"}, finish: finishProcesses},
		"daphne": {handoff: "listen-fds", protocol: "http", binds: "127.0.0.1:8000", flags: "-b= --bind= -p= --port= -u= --unix-socket= --fd= -e= --endpoint=",
			addresses: "-u --unix-socket", host: "-b --bind", port: "-p --port", add: []string{"--fd", "3"}},
		"waitress-serve": {handoff: "listen-fds", protocol: "http", binds: "127.0.0.1:8080", flags: "--listen= --host= --port= --unix-socket= --unix-socket-perms=",
			addresses: "--unix-socket --listen", host: "--host", port: "--port", finish: finishWaitress},
		"uwsgi": {handoff: "fd0", protocol: "uwsgi", flags: uwsgiFlags, addresses: uwsgiSockets,
			user: "--uid", group: "--gid", finish: finishUwsgi},
		"puma": {handoff: "listen-fds", protocol: "http", binds: "127.0.0.1:9292", flags: "-b= --bind= -p= --port= -d --daemon --bind-to-activated-sockets=",
			addresses: "-b --bind", port: "-p --port", finish: finishPuma},
		"unicorn": {handoff: "listen-fds", protocol: "http", binds: "127.0.0.1:8080", flags: "-l= --listen= -o= --host= -p= --port= -D --daemonize",
			addresses: "-l --listen", host: "-o --host", port: "-p --port"},
		"plackup": {handoff: "fd0", protocol: "http", binds: "127.0.0.1:5000", flags: plackFlags,
			addresses: "-l --listen --socket -S", host: "-o --host", port: "-p --port", finish: finishPlack},
		"starman": {handoff: "fd0", protocol: "http", binds: "127.0.0.1:5000", flags: plackFlags + " --user= --group=",
			addresses: "-l --listen", host: "-o --host", port: "-p --port", user: "--user", group: "--group", finish: finishPlack},
		"start_server": {handoff: "fd0", flags: "--path= --port=", addresses: "--path --port", finish: finishStarter},
		"spawn-fcgi":   {handoff: "fd0", protocol: "fastcgi", flags: spawnFlags, addresses: "-s", host: "-a", port: "-p", user: "-u", group: "-g", finish: finishSpawn},
		"multiwatch":   {handoff: "fd0", flags: "-f= --forks= -r= --retry= -t= --timeout= -s= --signal=", finish: finishWatch},
		"manage.py":    {finish: finishDjango},
		"web2py.py":    {handoff: "fd0", flags: "-i= --ip= -p= --port=", finish: finishWeb2py},
		"node":         {handoff: "listen-fds", protocol: "http", finish: finishNode},
	}
	servers["unicorn_rails"] = servers["unicorn"]
}

// Adapt turns a command that binds an address of its own into one that is
// handed its socket, and takes over that address, so that the web server's
// configuration stays: unless Socket is set already. Where no address is known
// Socket becomes the given one. What remains to be done is noted.
func (p *Plan) Adapt(socket string) {
	for depth := 0; depth < 4; depth++ { // a program may start another
		before := strings.Join(p.Command, "\x00")
		p.adaptOnce(socket)
		if strings.Join(p.Command, "\x00") == before {
			break
		}
	}
	if p.Socket == "" {
		p.Socket = socket
	}
}

func (p *Plan) adaptOnce(socket string) {
	p.dropEnv()
	name, at := p.program()
	s, known := servers[name]
	if !known {
		p.adaptScript(at)
		return
	}
	c := &call{head: p.Command[: at+1 : at+1]}
	c.rest, c.got = strip(p.Command[at+1:], strings.Fields(s.flags))
	p.takeAddress(s, c)
	if p.Socket == "" && !slices.Contains([]string{"spawn-fcgi", "multiwatch", "manage.py"}, name) { // those may say it yet
		p.Socket = socket
	}
	if user := c.last(strings.Fields(s.user)...); user != "" {
		p.User = user
	}
	if group := c.last(strings.Fields(s.group)...); group != "" {
		p.Group = group
	}
	p.Handoff, p.Protocol = defaultTo(s.handoff, p.Handoff), defaultTo(s.protocol, p.Protocol)
	c.rest = append(c.rest, s.add...)
	if s.finish != nil {
		s.finish(p, c)
	}
	p.Command = append(c.head, c.rest...)
}

// program finds the server that a command runs, by its name without a version,
// and at which word: behind an interpreter, "-m" or "bundle exec".
func (p *Plan) program() (name string, at int) {
	if len(p.Command) == 0 {
		return "", 0
	}
	name = plainName(p.Command[0])
	switch name {
	case "python", "pypy", "perl", "ruby", "bundle", "poetry", "pipenv", "uv", "npx":
	default:
		return name, 0
	}
	for i := 1; i < len(p.Command); i++ {
		switch w := p.Command[i]; {
		case w == "exec" || w == "run" && name != "python":
		case w == "-m" && i+1 < len(p.Command):
			return plainName(p.Command[i+1]), i + 1
		case w == "-W" || w == "-X" || w == "-I" && name != "python":
			i++
		case w == "-c" || w == "-e":
			return name, 0
		case !strings.HasPrefix(w, "-"):
			if inner := plainName(w); servers[inner].handoff != "" || inner == "manage.py" {
				return inner, i
			}
			return name, i
		}
	}
	return name, 0
}

// plainName is the base of a path without a version: python3.11 is python.
func plainName(program string) string {
	name := path.Base(program)
	short := strings.TrimRight(name, "0123456789.")
	if short == "" || strings.HasSuffix(short, "-") {
		return name
	}
	return short
}

// dropEnv takes env(1) off a command; its assignments are the environment's.
func (p *Plan) dropEnv() {
	if len(p.Command) < 2 || path.Base(p.Command[0]) != "env" {
		return
	}
	i := 1
	for ; i < len(p.Command); i++ {
		name, value, assigns := strings.Cut(p.Command[i], "=")
		switch {
		case assigns && isVariable(name):
			p.setenv(name, value)
		case p.Command[i] == "-i" || p.Command[i] == "-": // as keepone always does
		case p.Command[i] == "-u" && i+1 < len(p.Command):
			i++
		default:
			p.Command = p.Command[i:]
			return
		}
	}
	p.Command = nil
}
