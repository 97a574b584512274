package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// peer is a supervisor: its files, its daemon, and what has been seen of it.
type peer struct {
	name        string
	dir         string
	files       map[string]string // all executable; the script "backend", which becomes php-cgi, is added
	daemon      []string
	environment []string
	needs       []string // programs besides the daemon's
	ready       string   // a socket where somebody answers when it runs; "" for none
	backend     bool     // php-cgi answers there
	listens     bool     // the daemon gets that socket as its standard input

	cmd     *exec.Cmd
	php     string // the program whose processes are not the peer's
	group   string // its cgroup, "" for none
	charges *charges
	charged []uint64
	watch   watch
}

// missing is a program without which the peer cannot run.
func (p *peer) missing() string {
	for _, program := range append([]string{p.daemon[0]}, p.needs...) {
		if _, err := exec.LookPath(program); err != nil {
			return program
		}
	}
	return ""
}

// pids are its own processes: not the backend, however many of them there are.
func (p *peer) pids() []int { return tree(p.cmd.Process.Pid, p.php) }

func (p *peer) weigh() {
	p.watch.weigh(p.pids())
	if p.group == "" {
		return
	}
	if n, err := p.charges.read(p.group); err == nil {
		p.charged = append(p.charged, n)
	}
}

// peers are all rows, in the order of the table.
func peers(dir, php string, o options) []*peer {
	quiet, off := "0s", "keepone, sampling off"
	if !accepts(dir, o.keepone, quiet) {
		quiet, off = "1h", "keepone, sample = \"1h\""
	}
	all := []*peer{
		keeponePeer("keepone", dir, "k1", o.keepone, ""),
		keeponePeer(off, dir, "k2", o.keepone, sampling(quiet)),
		{name: "a bare Go loop, 1 Hz", dir: filepath.Join(dir, "bareloop"), daemon: []string{filepath.Join(dir, "bare")}},
		lighttpdPeer(filepath.Join(dir, "l"), filepath.Join(dir, "k1", "php.sock")),
		supervisorPeer("supervisord", filepath.Join(dir, "s1"), ""),
		supervisorPeer("supervisord, memmon", filepath.Join(dir, "s2"), o.memmon),
		monitPeer("monit, every 120 s", filepath.Join(dir, "m1"), 120),
		monitPeer("monit, every 1 s", filepath.Join(dir, "m2"), 1),
		{name: "runsv", dir: filepath.Join(dir, "r"), daemon: []string{"runsv", filepath.Join(dir, "r")},
			files: map[string]string{"run": run1(filepath.Join(dir, "r"))}, ready: filepath.Join(dir, "r", "php.sock"), backend: true},
		{name: "s6-supervise", dir: filepath.Join(dir, "6"), daemon: []string{"s6-supervise", filepath.Join(dir, "6")},
			files: map[string]string{"run": run1(filepath.Join(dir, "6"))}, ready: filepath.Join(dir, "6", "php.sock"), backend: true},
		{name: "multiwatch", dir: filepath.Join(dir, "w"), daemon: []string{"multiwatch", "-f", "1", "--", filepath.Join(dir, "w", "backend")},
			ready: filepath.Join(dir, "w", "php.sock"), backend: true, listens: true},
		pebblePeer(filepath.Join(dir, "p"), o.pebble),
	}
	for _, p := range all {
		if p.files == nil {
			p.files = map[string]string{}
		}
	}
	return all
}

// run1 is the run script for runsv and s6-supervise, which pass no socket: php-cgi binds it.
func run1(dir string) string {
	return fmt.Sprintf("#!/bin/sh\nexec %[1]s/backend -b %[1]s/php.sock\n", dir)
}

func sampling(every string) string { return fmt.Sprintf("[memory]\nsample = %q\n", every) }

// accepts says whether this keepone knows that way of sampling.
func accepts(dir, keepone, every string) bool {
	path := filepath.Join(dir, "try.toml")
	text := fmt.Sprintf("[backend]\ncommand = [\"/bin/true\"]\nuser = \"%d\"\n%s", os.Getuid(), sampling(every))
	return os.WriteFile(path, []byte(text), 0o600) == nil && exec.Command(keepone, "check", "-c", path).Run() == nil
}

func keeponePeer(name, dir, sub, keepone, more string) *peer {
	// Two keepones on one machine must differ in name: it is that of the backend's cgroup.
	dir, file := filepath.Join(dir, sub), fmt.Sprintf("bench%d%s.toml", os.Getpid(), sub)
	user := ""
	if os.Getuid() == 0 {
		user = `user = "root"` // as the peers run it, so that nothing but the supervisor differs
	}
	return &peer{name: name, dir: dir, ready: filepath.Join(dir, "php.sock"), backend: true,
		files: map[string]string{file: fmt.Sprintf("[backend]\ncommand = [%q]\n%s\n[socket]\npath = %q\n[output]\nto = %q\n%s",
			filepath.Join(dir, "backend"), user, filepath.Join(dir, "php.sock"), filepath.Join(dir, "output.log"), more)},
		daemon: []string{keepone, "run", "-c", filepath.Join(dir, file), "--run-dir", filepath.Join(dir, "run")}}
}

// lighttpdPeer is no supervisor but the yardstick: the web server in front of keepone's backend.
func lighttpdPeer(dir, backend string) *peer {
	return &peer{name: "lighttpd", dir: dir, ready: filepath.Join(dir, "http.sock"),
		files: map[string]string{"lighttpd.conf": fmt.Sprintf(`server.modules = ("mod_fastcgi")
server.document-root = %[1]q
server.bind = %[2]q
server.errorlog = %[3]q
fastcgi.server = (".php" => ((  "socket" => %[4]q )))
`, dir, filepath.Join(dir, "http.sock"), filepath.Join(dir, "error.log"), backend)},
		daemon: []string{"/usr/sbin/lighttpd", "-D", "-f", filepath.Join(dir, "lighttpd.conf")}}
}
