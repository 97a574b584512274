package scaffold

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	uwsgiSockets = "--socket -s --uwsgi-socket --http-socket --http --fastcgi-socket --scgi-socket"
	uwsgiFlags   = "--socket= -s= --uwsgi-socket= --http-socket= --http= --fastcgi-socket= --scgi-socket= " +
		"--daemonize= -d= --daemonize2= --uid= --gid= --chown-socket= --chmod-socket= -C= --chmod-socket -C --pidfile="
	plackFlags = "-s= --server= -l= --listen= -o= --host= -p= --port= -S= --socket= -D --daemonize --daemon --workers= --max-workers= --pid="
	spawnFlags = "-f= -d= -a= -p= -s= -C= -F= -b= -u= -g= -U= -G= -M= -P= -n -c= -S"
)

// finishFPM tells php-fpm that the socket of its pool is descriptor 3, as it
// does to itself when it reloads.
func finishFPM(p *Plan, _ *call) {
	p.setenv("FPM_SOCKETS", p.Socket+"=3")
	p.note("the pool's listen must be %s, and daemonize no; a pool whose user is not backend.user cannot be", p.Socket)
}

// finishProcesses tells of more than one interpreter.
func finishProcesses(p *Plan, c *call) {
	if c.has("--reload") {
		p.note("--reload was left out: a deploy is followed by keepone restart-backend")
	}
	_, got := strip(c.rest, []string{"-w=", "--workers="})
	w := &call{got: got}
	if n, _ := strconv.Atoi(w.last("-w", "--workers")); n > 1 {
		p.note("it starts %d processes that serve, so %d interpreters in memory; one with threads costs less", n, n)
	}
}

// finishWaitress says by its API what waitress-serve cannot: its command binds.
func finishWaitress(p *Plan, c *call) {
	rest, got := strip(c.rest, []string{"--call", "--threads="})
	app := ""
	for _, arg := range rest {
		if strings.HasPrefix(arg, "-") {
			p.note("waitress-serve's %s: the command that replaces it has no such option; add it to serve(...)", arg)
		} else {
			app = arg
		}
	}
	module, object, _ := strings.Cut(app, ":")
	w := &call{got: got}
	if !dotted(module) || !dotted(object) {
		p.note("waitress-serve's application %q is not MODULE:OBJECT; see BACKENDS.md for a program of four lines", app)
		return
	}
	python := "/usr/bin/python3"
	if dir := filepath.Dir(c.head[0]); len(c.head) > 1 {
		python = c.head[0]
	} else if filepath.IsAbs(dir) && !slices.Contains([]string{"/usr/bin", "/usr/local/bin", "/bin"}, dir) {
		python = filepath.Join(dir, "python3")
	}
	options := ""
	if n, err := strconv.Atoi(w.last("--threads")); err == nil {
		options = ", threads=" + strconv.Itoa(n)
	}
	if w.has("--call") {
		object += "()"
	}
	c.head, c.rest = waitress(python, module, object, options), nil
}

// waitress is the command that serves a Python object on descriptor 3.
func waitress(python, module, object, options string) []string {
	return []string{python, "-c", "import socket, waitress, " + module + "; waitress.serve(" + module + "." + object + ", sockets=[socket.socket(fileno=3)]" + options + ")"}
}

func dotted(name string) bool {
	return !slices.ContainsFunc(strings.Split(name, "."), func(part string) bool { return !isVariable(part) })
}

// finishUwsgi gives uwsgi its socket in the protocol that it spoke.
func finishUwsgi(p *Plan, c *call) {
	option := "--uwsgi-socket"
	for _, way := range []string{"http", "fastcgi", "scgi"} {
		if c.has("--"+way+"-socket", "--"+way) {
			option, p.Protocol = "--"+way+"-socket", way
		}
	}
	p.setMode("socket.mode", c.last("--chmod-socket", "-C"))
	for _, arg := range c.rest {
		if strings.HasSuffix(arg, ".ini") || strings.HasSuffix(arg, ".yaml") || strings.HasSuffix(arg, ".yml") || strings.HasSuffix(arg, ".xml") {
			p.note("in %s there must be no socket, http, daemonize, uid or gid: the command says fd://0, and backend.protocol must be what it speaks", arg)
		}
	}
	if slices.Contains(c.rest, "--master") || slices.Contains(c.rest, "-M") {
		if !slices.Contains(c.rest, "--die-on-term") {
			c.rest = append([]string{"--die-on-term"}, c.rest...) // else SIGTERM is a reload
		}
	}
	c.rest = append(c.rest, option, "fd://0")
}

// finishPuma has Puma take what it is given: it looks for a socket by its name.
func finishPuma(_ *Plan, c *call) {
	c.rest = append([]string{"--bind-to-activated-sockets", "only"}, c.rest...)
}

// finishPlack has Starlet serve, in the way of Server::Starter, or FCGI.
func finishPlack(p *Plan, c *call) {
	name := c.last("-s", "--server")
	if name == "FCGI" {
		p.Protocol = "fastcgi" // without --listen it is descriptor 0
		c.rest = append([]string{"-s", "FCGI"}, c.rest...)
		return
	}
	if name != "" && name != "Starlet" || plainName(c.head[len(c.head)-1]) == "starman" {
		p.note("Starlet replaces %s, which takes no Unix socket that it is handed (Debian package starlet)", defaultTo(name, "starman"))
	}
	processes := defaultTo(c.last("--workers", "--max-workers"), "1")
	dir := filepath.Dir(c.head[len(c.head)-1])
	c.head[len(c.head)-1] = filepath.Join(dir, "plackup")
	if dir == "." {
		c.head[len(c.head)-1] = "plackup"
	}
	c.rest = append([]string{"-s", "Starlet", "--max-workers", processes}, c.rest...)
	p.setenv("SERVER_STARTER_PORT", p.Socket+"=0")
}

func defaultTo(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// finishStarter unwraps Server::Starter, whose work keepone does.
func finishStarter(p *Plan, c *call) {
	at := slices.Index(c.rest, "--")
	if at < 0 {
		p.note("start_server without -- and a command")
		return
	}
	c.head, c.rest = nil, c.rest[at+1:]
	p.setenv("SERVER_STARTER_PORT", p.Socket+"=0")
}

// finishSpawn unwraps spawn-fcgi(1): the program inherits its socket as descriptor 0.
func finishSpawn(p *Plan, c *call) {
	p.passed = true
	command := c.rest
	if i := slices.Index(command, "--"); i >= 0 {
		command = command[i+1:]
	}
	if f := c.last("-f"); f != "" && len(command) == 0 {
		words, err := Words(f) // it gives -f to /bin/sh
		if err != nil {
			p.note("spawn-fcgi -f %q: %v", f, err)
		}
		command = words
	}
	if dir := c.last("-d"); dir != "" {
		p.chdir(dir)
	}
	p.setMode("socket.mode", c.last("-M"))
	for option, key := range map[string]string{"-U": "socket.owner", "-G": "socket.group"} {
		if v := c.last(option); v != "" {
			p.set(key, quote(v))
		}
	}
	if n, _ := strconv.Atoi(c.last("-F")); n > 1 {
		p.note("spawn-fcgi -F %d started %d interpreters; keepone runs one", n, n)
	}
	if n := c.last("-C"); n != "" && n != "0" {
		p.setenv("PHP_FCGI_CHILDREN", n)
	}
	if root := c.last("-c"); root != "" {
		p.note("spawn-fcgi -c %s: keepone changes no root directory", root)
	}
	c.head, c.rest = nil, command
}

// finishWatch unwraps multiwatch(1), which is for several of them.
func finishWatch(p *Plan, c *call) {
	if n, _ := strconv.Atoi(c.last("-f", "--forks")); n > 1 {
		p.note("multiwatch started %d interpreters; keepone runs one", n)
	}
	if i := slices.Index(c.rest, "--"); i >= 0 {
		c.rest = c.rest[i+1:]
	}
	c.head = nil
}

// isMode tells whether a text is octal, as chmod(1) takes it.
func isMode(text string) bool {
	return text != "" && len(text) <= 4 && strings.Trim(text, "01234567") == ""
}
