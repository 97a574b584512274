// Package scaffold makes a first configuration for a site: from what an
// operator says, from what stands in the site's directory, or from what starts
// the backend today (a supervisord section, a systemd unit, a line of rc.local,
// lighttpd's bin-path).
//
// All of them lead to a [Plan]; [Plan.Adapt] turns a command that binds an
// address of its own into one that is handed its socket, and [Plan.Text]
// writes the configuration. Nothing here is run but the questions of [Need].
package scaffold

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Plan is what a configuration is to say. Empty fields are not known, or
// left to keepone's defaults.
type Plan struct {
	Name      string // of the backend, as far as it can be told
	Origin    string // what it is made of, for the first line of the file
	Command   []string
	Directory string
	User      string // name or number; "" where nobody says
	Group     string
	Handoff   string // "fd0" or "listen-fds"
	Protocol  string // "fastcgi", "http", "scgi" or "uwsgi"
	Socket    string // where the web server connects: a path or tcp://address:port
	Env       []Variable
	Set       map[string]string // every other key and its value as TOML
	Notes     []string          // what could not be carried over, or must be known
	Needs     []Need            // what the command needs to be installed

	files  []string // environment.files
	front  bool     // lighttpd starts it, as its own user
	runs   bool     // it is what runs today: its address is the web server's
	passed bool     // and whoever starts it hands it its socket
}

// A Variable is one of the backend's environment.
type Variable struct{ Name, Value string }

// note adds a line that the operator is to read, once.
func (p *Plan) note(format string, args ...any) {
	text := strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")
	if len(p.Notes) < mostNotes && !slices.Contains(p.Notes, text) {
		p.Notes = append(p.Notes, text)
	}
}

// mostNotes bounds what is said of a source that makes no sense.
const mostNotes = 100

// set gives a key a value, a TOML literal.
func (p *Plan) set(key, literal string) {
	if p.Set == nil {
		p.Set = map[string]string{}
	}
	p.Set[key] = literal
}

// setMode sets a key to octal digits, and to nothing else.
func (p *Plan) setMode(key, mode string) {
	if isMode(mode) {
		p.set(key, quote(mode))
	}
}

// setenv sets a variable of the environment; a later one wins.
func (p *Plan) setenv(name, value string) {
	switch {
	case !isVariable(name):
		p.note("the environment's %q: a name is letters, digits and underscores", name)
		return
	case name == "files":
		p.note("a variable named files: keepone's [environment] has another use for that name; set it with env in the command")
		return
	case slices.Contains(keeponesOwn, name):
		p.note("%s in the environment: keepone sets it itself", name)
		return
	}
	for i := range p.Env {
		if p.Env[i].Name == name {
			p.Env[i].Value = value
			return
		}
	}
	p.Env = append(p.Env, Variable{name, value})
}

// keeponesOwn are the variables that a configuration must not set.
var keeponesOwn = []string{"KEEPONE", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET"}

func isVariable(name string) bool {
	ok := name != "" && (name[0] < '0' || name[0] > '9')
	for _, c := range []byte(name) {
		ok = ok && (c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
	}
	return ok
}

// setUser takes a user, and a group behind ":" or "." as chown(1) writes it.
func (p *Plan) setUser(name string) {
	user, group, _ := strings.Cut(name, ":")
	if user != "" {
		p.User = user
	}
	if group != "" {
		p.Group = group
	}
}

// chdir follows cd: a relative directory is below the one that was.
func (p *Plan) chdir(dir string) {
	switch {
	case strings.HasPrefix(dir, "/"):
		p.Directory = filepath.Clean(dir)
	case p.Directory != "":
		p.Directory = filepath.Join(p.Directory, dir)
	default:
		p.note("the directory %s is relative to one that is not known", dir)
	}
}

// Private tells whether the configuration holds what others should not read:
// a variable whose name or value looks like a password.
func (p *Plan) Private() bool {
	return slices.ContainsFunc(p.Env, func(v Variable) bool {
		name := strings.ToUpper(v.Name)
		secret := func(part string) bool { return strings.Contains(name, part) }
		scheme, rest, _ := strings.Cut(v.Value, "://") // user:password@host
		return slices.ContainsFunc([]string{"SECRET", "PASS", "TOKEN", "KEY", "CREDENTIAL", "DSN"}, secret) ||
			scheme != "" && strings.Contains(rest, "@")
	})
}

// check finds what no configuration can say.
func (p *Plan) check() error {
	texts := append([]string{p.Directory, p.User, p.Group, p.Socket}, p.Command...)
	for _, v := range p.Env {
		texts = append(texts, v.Value)
	}
	for _, text := range texts {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return fmt.Errorf("cannot write %q: a configuration is UTF-8 and holds no NUL", text)
		}
	}
	if len(p.Command) == 0 || p.Command[0] == "" {
		return fmt.Errorf("cannot write a configuration without a command")
	}
	return nil
}

// SafeName makes a name for a backend of any text: the letters, digits and
// ".", "_", "-" of it; "site" where nothing is left.
func SafeName(text string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("._-", r):
			return r
		}
		return '-'
	}, text)
	name = strings.Trim(name, "._-")
	if len(name) > 64 {
		name = strings.TrimRight(name[:64], "._-")
	}
	if name == "" {
		return "site"
	}
	return name
}

// Note adds a line that the operator is to read, once.
func (p *Plan) Note(format string, args ...any) { p.note(format, args...) }

// LetIn gives the socket's file the web server's group, unless somebody chose
// a group or a mode that lets everybody in.
func (p *Plan) LetIn(group string) {
	if p.Set["socket.group"] == "" && p.Group != group && p.Set["socket.mode"] != `"0666"` && p.Set["socket.mode"] != `"666"` {
		p.set("socket.group", quote(group))
	}
}

// AsRoot tells whether what runs today runs as root, as far as it can be seen.
func (p *Plan) AsRoot() bool {
	return p.runs && !p.front && (p.User == "" || p.User == "root" || p.User == "0")
}
