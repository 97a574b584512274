package scaffold

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// A Source is a text that starts a backend today.
type Source struct {
	Path   string                           // "-" is the standard input
	Text   string                           //
	Beside func(name string) (string, bool) // the text of a file in the same directory; nil: there is none
	Shared []string                         // further texts that count to it: a unit's drop-ins
}

// Kinds are those that From reads.
var Kinds = []string{"supervisor", "systemd", "shell", "lighttpd"}

// LargestSource is the most that a source may be, in bytes.
const LargestSource = 128 << 10

// Kind recognises what a text is by what it says: "" is nothing we know.
func (s Source) Kind() string {
	var service, program, keepone bool
	for line := range strings.Lines(s.Text) {
		line = strings.TrimSpace(line)
		keepone = keepone || line == "[backend]"
		service = service || line == "[Service]" || line == "[Socket]"
		program = program || strings.HasPrefix(line, "[program:") || strings.HasPrefix(line, "[fcgi-program:")
	}
	switch {
	case program:
		return "supervisor"
	case service:
		return "systemd"
	case strings.Contains(s.Text, "bin-path") && strings.Contains(s.Text, "=>"):
		return "lighttpd"
	case keepone || strings.TrimSpace(s.Text) == "":
		return ""
	}
	return "shell"
}

// From reads every backend that a source starts. Their commands are as they
// stand there: Adapt makes them keepone's. An error names the line.
func From(kind string, s Source) ([]*Plan, error) {
	if len(s.Text) > LargestSource {
		return nil, fmt.Errorf("cannot read %s: it is larger than %d bytes", s.Path, LargestSource)
	}
	var plans []*Plan
	var err error
	switch kind {
	case "supervisor":
		plans, err = fromSupervisor(s)
	case "systemd":
		plans, err = fromUnit(s)
	case "lighttpd":
		plans, err = fromLighttpd(s)
	case "shell":
		plans, err = fromShell(s.Text)
	case "":
		err = errors.New("it is no supervisord section, systemd unit, shell line or lighttpd bin-path")
	default:
		err = fmt.Errorf("there is no kind %q; there are %s", kind, strings.Join(Kinds, ", "))
	}
	if err == nil && len(plans) == 0 {
		err = errors.New("nothing in it starts a backend")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read a backend from %s: %w", s.Path, err)
	}
	for _, p := range plans {
		p.runs = true
		p.Origin = map[string]string{"supervisor": "the supervisord section", "systemd": "the systemd unit", "lighttpd": "lighttpd's bin-path", "shell": "the shell line"}[kind] + " in " + s.Path
		if p.Name == "" {
			p.Name = p.nameIt()
		}
		p.Name = SafeName(p.Name)
	}
	number(plans)
	return plans, nil
}

// dull are directories that say nothing about a site.
var dull = []string{"/", ".", "bin", "sbin", "lib", "www", "html", "public", "public_html", "htdocs", "src", "app", "tmp", "var", "home", "root",
	"current", "run", "srv", "usr", "opt", "local"}

// nameIt finds a name in the directory, or in what the command runs when it is
// handed its socket: then no address is among its words.
func (p *Plan) nameIt() string {
	q := &Plan{Directory: p.Directory, Command: slices.Clone(p.Command), passed: p.passed}
	q.Adapt("/")
	dirs := []string{q.Directory}
	script := ""
	for _, w := range q.Command[min(1, len(q.Command)):] {
		if script == "" && !strings.ContainsAny(w, ":;\n") && !strings.HasPrefix(w, "-") && filepath.Ext(w) != "" {
			script = w
			dirs = append(dirs, filepath.Dir(w))
		}
	}
	for _, dir := range dirs {
		for ; dir != "" && dir != "/" && dir != "."; dir = filepath.Dir(dir) {
			if base := filepath.Base(dir); !slices.Contains(dull, base) {
				return base
			}
		}
	}
	if script != "" {
		return strings.TrimSuffix(filepath.Base(script), filepath.Ext(script))
	}
	name, _ := q.program()
	return strings.TrimSuffix(name, filepath.Ext(name))
}

// number makes names different that are the same.
func number(plans []*Plan) {
	seen := map[string]int{}
	for _, p := range plans {
		seen[p.Name]++
		if n := seen[p.Name]; n > 1 {
			p.Name = fmt.Sprintf("%s-%d", p.Name, n)
		}
	}
}

// splitQuoted takes a text apart at white space, with quotes; escape reads
// what follows a backslash (which it is given, with the quote around it or 0)
// and returns what it stands for and how long it is.
func splitQuoted(text string, escape func(rest string, quote byte) (string, int)) ([]string, error) {
	var all []string
	var b strings.Builder
	var quote byte
	open := false
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\\':
			value, n := escape(text[i:], quote)
			b.WriteString(value)
			open = true
			i += n
			continue
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			if open {
				all = append(all, b.String())
			}
			b.Reset()
			open = false
		default:
			b.WriteByte(c)
			open = true
		}
		i++
	}
	if quote != 0 {
		return nil, fmt.Errorf("a closing %c is missing in %q", quote, text)
	}
	if open {
		all = append(all, b.String())
	}
	return all, nil
}

// posix is the escape of sh and of Python's shlex.split.
func posix(rest string, quote byte) (string, int) {
	switch {
	case quote == '\'' || len(rest) == 1:
		return rest[:1], 1
	case quote == '"' && rest[1] != '"' && rest[1] != '\\':
		return rest[:1], 1
	}
	return rest[1:2], 2
}
