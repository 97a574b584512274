package doctor

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A backend is one that a web server's configuration names.
type backend struct {
	target   string        // a path, or host:port
	protocol string        // as the site's
	bin      bool          // the web server starts a program for it
	keeps    string        // what has connections kept; "" for nothing
	patience time.Duration // how long it waits for an answer; 0 is for ever
	knob     string        // what says so
	longer   string        // the command that changes that, with %d for the seconds
	without  string        // the command that takes bin away
}

// A wiring is a web server's configuration, as the server itself prints it.
type wiring struct {
	file     string   // its first file
	test     []string // the server's own test
	print    []string // what prints all of it
	env      []string
	reload   string // the command that has it read again
	backends func(text string) []backend
}

// limit is how long a web server's own test may take.
const limit = 30 * time.Second

// wiringOf knows where the running server has its configuration from.
func wiringOf(first *process, name string) (w wiring, err error) {
	program := first.program()
	if program == "" {
		if program, err = exec.LookPath(name); err != nil {
			program = "/usr/sbin/" + name
		}
	}
	or := func(file, other string) string {
		if file == "" {
			return other
		}
		return first.at(file)
	}
	w.env = os.Environ()
	w.reload = reloadOf(first, name)
	switch name {
	case "lighttpd":
		w.file = or(first.option("-f"), "/etc/lighttpd/lighttpd.conf")
		w.test, w.print, w.backends = []string{program, "-tt", "-f", w.file}, []string{program, "-p", "-f", w.file}, w.lighttpd
	case "nginx":
		first.argv = titled(first.argv)
		w.file = or(first.option("-c"), "/etc/nginx/nginx.conf")
		w.test, w.print = []string{program, "-t", "-c", w.file}, []string{program, "-T", "-q", "-c", w.file}
		if prefix := first.option("-p"); prefix != "" {
			w.test, w.print = append(w.test, "-p", prefix), append(w.print, "-p", prefix)
		}
		w.backends = nginxBackends
	case "apache2", "httpd":
		return w.apache(first, program, name), nil
	case "caddy":
		w.file = or(first.option("--config"), "/etc/caddy/Caddyfile")
		how := []string{"--adapter", "caddyfile", "--config", w.file}
		w.test, w.print = append([]string{program, "validate"}, how...), append([]string{program, "adapt"}, how...)
		w.backends, w.reload = caddyBackends, "caddy reload --adapter caddyfile --config "+quote(w.file)
	default:
		return w, fmt.Errorf("cannot read the configuration of %s: only those of lighttpd, nginx, Apache and Caddy are known", name)
	}
	return w, nil
}

// inUnit tells by its cgroups(7) whether a process is systemd's unit of the name:
// its number is another when a server that cannot start has been started again.
func inUnit(cgroups, name string) bool {
	for line := range strings.Lines(cgroups) {
		if filepath.Base(strings.TrimSpace(line)) == name+".service" {
			return true
		}
	}
	return false
}

// titled is the command line in what nginx's first process calls itself.
func titled(argv []string) []string {
	_, line, found := strings.Cut(strings.Join(argv, " "), "master process ")
	if !found {
		return argv
	}
	return strings.Fields(line)
}

// run runs one of the commands; what it says is the error's, too.
func (w *wiring) run(argv []string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	dir, err := os.MkdirTemp("", "keepone-doctor") // Caddy keeps things even when it only tests
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Env, c.WaitDelay = append(w.env[:len(w.env):len(w.env)], "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir), time.Second
	var said strings.Builder
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, lastLine(said.String()+string(out)))
	}
	return string(out), nil
}

// lastLine is the one of what a server says that says why.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range lines {
		if strings.Contains(line, "[emerg]") || strings.Contains(line, "yntax error") || strings.HasPrefix(line, "Error:") {
			return line
		}
	}
	return lines[len(lines)-1]
}

// configuration asks the web server what it hands over, and how.
func (p *Patient) configuration() []Finding {
	const check = "configuration"
	if len(p.Server.PIDs) == 0 {
		return one(NotChecked, check, "the web server's configuration", "which web server there is, is not known", "")
	}
	first, _, err := p.Server.processes()
	if err != nil {
		return one(NotChecked, check, "the web server's configuration", err.Error(), "")
	}
	w, err := wiringOf(&first, p.Server.Name)
	if err != nil {
		return one(NotChecked, check, "the web server's configuration", err.Error(), "")
	}
	if findings := p.distrust(&w, &first); findings != nil {
		return findings
	}
	_, err = w.run(w.test)
	text, printed := w.run(w.print)
	switch {
	case err != nil && os.Geteuid() != 0:
		return one(NotChecked, check, w.file, "only root can test it: "+err.Error(), "sudo keepone doctor "+p.Site.Say)
	case err != nil:
		return one(Error, check, w.file, "the web server's own test refuses it, so the next reload will, too: "+err.Error(), strings.Join(w.test, " "))
	case printed != nil:
		return one(NotChecked, check, w.file, "it cannot be printed: "+printed.Error(), "")
	}
	all := one(OK, check, w.file, "the web server's own test takes it", "")
	return append(all, p.wired(&w, w.backends(text))...)
}

// wired looks for the site's socket among the backends that there are.
func (p *Patient) wired(w *wiring, backends []backend) []Finding {
	var all []Finding
	var others []string
	for _, b := range backends {
		if !p.Site.at(b.target) {
			others = append(others, b.target)
			continue
		}
		all = append(all, p.judge(w, &b)...)
	}
	if len(all) > 0 && p.Clash != "" {
		all = append(all, Finding{Error, "clash", w.file, p.Clash, ""})
	}
	if len(all) > 0 {
		return all
	}
	text := fmt.Sprintf("it does not hand over to %s", p.Site.Socket)
	if len(others) > 0 {
		text += ", only to " + strings.Join(others, ", ")
	}
	return one(Error, "wiring", w.file, text, p.Wire)
}

// at tells whether a target is the site's socket, whatever links lead to it.
func (s *Site) at(target string) bool {
	if at, tcp := s.tcp(); tcp {
		resolved, err := net.ResolveTCPAddr("tcp", target)
		return err == nil && resolved.Port == int(at.Port()) && resolved.AddrPort().Addr().Unmap() == at.Addr()
	}
	return target == s.Socket || resolved(target) == resolved(s.Socket)
}

// resolved follows the links above a socket, which need not be there.
func resolved(path string) string {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		dir = filepath.Dir(path)
	}
	return filepath.Join(dir, filepath.Base(path))
}

// judge says what is to be said of the one that is ours.
func (p *Patient) judge(w *wiring, b *backend) []Finding {
	all := one(OK, "wiring", w.file, "it hands over to "+b.target, "")
	if b.protocol != p.Site.Protocol {
		all = one(Error, "wiring", w.file, fmt.Sprintf("it speaks %s at %s, and the backend %s: no answer will make sense", b.protocol, b.target, p.Site.Protocol), p.Wire)
	}
	if b.bin {
		all = append(all, Finding{Error, "bin-path", w.file, "it has a bin-path at " + b.target + ": the web server starts an interpreter of its own, beside keepone's", w.then(b.without)})
	}
	seconds := int((p.Site.Wait + time.Second - 1) / time.Second)
	switch {
	case b.patience == 0:
		all = append(all, Finding{OK, "timeout", w.file, "it waits for an answer as long as a restart takes", ""})
	case b.patience < p.Site.Wait:
		fix := p.Wire
		if b.longer != "" {
			fix = w.then(fmt.Sprintf(b.longer, seconds+5))
		}
		all = append(all, Finding{Warning, "timeout", w.file, fmt.Sprintf("%s is %v: at its worst (drain.timeout, stop.timeout and ready.timeout) a restart takes %v, and who waits gets 504", b.knob, b.patience, p.Site.Wait), fix})
	default:
		all = append(all, Finding{OK, "timeout", w.file, fmt.Sprintf("%s is %v, and a restart takes %v at its worst", b.knob, b.patience, p.Site.Wait), ""})
	}
	if b.keeps != "" {
		all = append(all, Finding{Warning, "kept", w.file, b.keeps + " keeps connections to the backend: a restart cannot tell them from busy ones, takes all of drain.timeout, and cuts them", p.Wire})
	}
	return all
}

// then has the server read what a command changed, if it would; "" stays "".
// There are servers that end at a reload of what they cannot read.
func (w *wiring) then(command string) string {
	if command == "" {
		return ""
	}
	test := strings.Join(w.test, " ")
	if strings.HasSuffix(w.test[0], "apache2") && len(w.test) == 2 { // Debian's wants variables
		test = "apachectl -t"
	}
	return command + " && " + test + " && " + w.reload
}
