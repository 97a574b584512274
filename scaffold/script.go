package scaffold

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// ownAddress finds where a script binds an address by itself: flup's
// bindAddress, web.py's runfcgi, FCGI.pm's OpenSocket, Node's listen.
var ownAddress = map[string]*regexp.Regexp{
	".py": regexp.MustCompile(`(?m)^[^#\n]*\bbindAddress\s*=\s*(?:["']([^"'\n]*)["']|\(\s*["']([^"'\n]*)["']\s*,\s*(\d+)\s*\))`),
	".pl": regexp.MustCompile(`(?m)^[^#\n]*\bOpenSocket\s*\(\s*["']([^"'\n]*)["']`),
	".js": regexp.MustCompile(`(?m)^[^/\n]*\.listen\s*\(\s*(?:["']([^"'\n]*)["']|(\d+))`),
}

// adaptScript looks into a script that is its own server: whether it binds.
func (p *Plan) adaptScript(at int) {
	if p.Handoff == "" {
		p.Handoff = "fd0"
	}
	if at > 0 && at < len(p.Command) {
		if found := p.binds(p.Command[at]); found != "" {
			p.note("%s binds %s by itself: take that out, so that it serves on descriptor 0, which keepone hands to it", p.Command[at], found)
			if address := p.address(found); p.Socket == "" && p.runs {
				p.Socket = address
			}
			return
		}
	}
	if p.passed {
		return
	}
	for i, arg := range p.Command {
		option, _, _ := strings.Cut(arg, "=")
		if i > 0 && slices.Contains([]string{"-b", "--bind", "--listen", "--port", "--socket", "--host", "--address", "--addr", "-addr", "-listen", "-port"}, option) {
			p.note("%s in the command looks as if it bound an address by itself; keepone hands it a listening socket as descriptor 0 (or 3 with handoff = \"listen-fds\")", arg)
		}
	}
}

// binds is the address that a script binds by itself; "" is none that is seen.
func (p *Plan) binds(script string) string {
	find := ownAddress[strings.Replace(filepath.Ext(script), ".fcgi", ".py", 1)]
	if find == nil {
		return ""
	}
	m := find.FindStringSubmatch(readText(p.inDirectory(script)))
	switch {
	case m == nil:
		return ""
	case len(m) == 4 && m[2] != "":
		return m[2] + ":" + m[3]
	case len(m) == 3 && m[1] == "":
		return m[2]
	}
	return m[1]
}

// inDirectory is the path of a file as the backend sees it.
func (p *Plan) inDirectory(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(defaultTo(p.Directory, "/"), file)
}

// most is how much of a script is looked at, in bytes.
const most = 256 << 10

// readText is the beginning of a regular file; "" where it cannot be read.
func readText(file string) string {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() { // a FIFO would wait
		return ""
	}
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return ""
	}
	return string(text)
}

// finishDjango: its development server cannot be handed a socket, and the
// runfcgi of old ones (or of django-fastcgi) is flup's on descriptor 0.
func finishDjango(p *Plan, c *call) {
	switch {
	case slices.Contains(c.rest, "runfcgi"):
		p.Handoff, p.Protocol = "fd0", "fastcgi"
		var rest []string
		for _, arg := range c.rest {
			switch name, value, _ := strings.Cut(arg, "="); name {
			case "socket":
				p.Socket = defaultTo(p.Socket, p.address(value))
			case "port":
				p.note("runfcgi bound port %s: tell the web server socket.path", value)
			case "host", "daemonize", "pidfile", "workdir", "outlog", "errlog", "umask":
			default:
				rest = append(rest, arg)
			}
		}
		c.rest = append(rest, "daemonize=false")
	case slices.Contains(c.rest, "runserver"):
		p.note("runserver binds an address by itself and is for development: keepone init --directory %s proposes another command", defaultTo(p.Directory, "DIR"))
	}
}

// finishWeb2py: its own server binds; the FastCGI handler beside it does not.
func finishWeb2py(p *Plan, c *call) {
	p.note("web2py.py serves HTTP at an address that it binds by itself; fcgihandler.py takes its place (web2py's handlers directory has it), and the web server speaks FastCGI to it")
	p.Protocol = "fastcgi"
	c.head[len(c.head)-1] = filepath.Join(filepath.Dir(c.head[len(c.head)-1]), "fcgihandler.py")
	if len(c.head) == 1 {
		c.head = []string{"/usr/bin/python3", c.head[0]}
	}
	c.rest = nil
}

func finishNode(p *Plan, c *call) {
	for _, script := range c.rest {
		if strings.HasPrefix(script, "-") {
			continue
		}
		text := readText(p.inDirectory(script))
		if strings.Contains(text, "fd: 3") || strings.Contains(text, "fd:3") {
			return
		}
		p.note("%s must take the socket that it is handed: server.listen({ fd: 3 })", script)
		if found := p.binds(script); found != "" && p.runs && p.Socket == "" {
			p.Socket = p.address(found)
		}
		return
	}
}
