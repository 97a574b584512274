package scaffold

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A Key describes a configuration key: what config's table says of it.
type Key struct {
	Name    string // "backend.command"
	Default string // as TOML; "" is none, "computed: ..." says from what
	Doc     string
	Example string   // as TOML
	Values  []string // all that are allowed, where few are
}

// common are the keys that are shown with their defaults when nothing sets
// them; the rest is in keepone.toml(5).
var common = []string{
	"backend.directory", "backend.handoff", "backend.protocol", "backend.group", "backend.umask", "backend.check",
	"socket.group", "socket.mode", "memory.soft", "memory.hard", "alert.command", "stop.timeout",
	"drain.timeout", "ready.by", "hang.timeout", "limits.nofile", "limits.nice",
	"environment.files", "output.to", "control.operate",
}

// width is where comments are broken.
const width = 78

// Text writes the configuration: what must be said first, then what is often
// changed, commented out with its default. keys are all there are, in order,
// section by section; a value for a key that is not among them is an error.
func (p *Plan) Text(keys []Key) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	values := p.values()
	known := map[string]bool{}
	var b bytes.Buffer
	p.head(&b)
	section := ""
	for i, k := range keys {
		known[k.Name] = true
		name, _, _ := strings.Cut(k.Name, ".")
		if name != section {
			section = name
			p.section(&b, section, keys[i:], values)
		}
	}
	for name := range values {
		if !known[name] {
			return nil, fmt.Errorf("cannot write %s: there is no such key", name)
		}
	}
	return b.Bytes(), nil
}

func (p *Plan) head(b *bytes.Buffer) {
	comment(b, fmt.Sprintf("keepone's configuration for %s, made by keepone init from %s. What is commented out is the default or an example. "+
		"keepone.toml(5) has every key; after a change: keepone check %[1]s, then keepone reload %[1]s.", p.Name, p.Origin))
	if len(p.Notes) == 0 {
		return
	}
	b.WriteString("#\n")
	comment(b, "Please read, and take these lines out when they are dealt with:")
	for _, n := range p.Notes {
		comment(b, "- "+n)
	}
}

// values is what is set, as TOML, by key.
func (p *Plan) values() map[string]string {
	v := map[string]string{"backend.command": list(p.Command)}
	for key, text := range map[string]string{
		"backend.directory": p.Directory, "backend.user": p.User, "backend.group": p.Group,
		"backend.handoff": p.Handoff, "backend.protocol": p.Protocol, "socket.path": p.Socket,
	} {
		if text != "" {
			v[key] = quote(text)
		}
	}
	for _, key := range []string{"backend.handoff", "backend.protocol"} {
		if v[key] == `"fd0"` || v[key] == `"fastcgi"` {
			delete(v, key)
		}
	}
	for key, literal := range p.Set {
		v[key] = literal
	}
	return v
}

// section writes the keys of one section, those that are set first.
func (p *Plan) section(b *bytes.Buffer, section string, keys []Key, values map[string]string) {
	var said, unsaid []Key
	for _, k := range keys {
		if name, _, _ := strings.Cut(k.Name, "."); name != section {
			break
		}
		if _, ok := values[k.Name]; ok {
			said = append(said, k)
		} else if slices.Contains(common, k.Name) {
			unsaid = append(unsaid, k)
		}
	}
	variables := section == "environment" && len(p.Env) > 0
	if len(said) == 0 && len(unsaid) == 0 && !variables {
		return
	}
	fmt.Fprintf(b, "\n[%s]\n", section)
	for _, k := range said {
		comment(b, k.Doc)
		fmt.Fprintf(b, "%s = %s\n", k.Name[len(section)+1:], values[k.Name])
	}
	if variables {
		for _, v := range p.Env {
			fmt.Fprintf(b, "%s = %s\n", v.Name, quote(v.Value))
		}
	}
	for _, k := range unsaid {
		k.offer(b, k.Name[len(section)+1:])
	}
}

// offer writes a key that is not set: its default, or else an example.
func (k Key) offer(b *bytes.Buffer, name string) {
	doc, value := k.Doc, k.Default
	if len(k.Values) > 1 {
		doc += " One of " + strings.Join(k.Values, ", ") + "."
	}
	if from, computed := strings.CutPrefix(k.Default, "computed: "); computed {
		value = k.Example
		doc += " The default: " + from + "."
	} else if k.Default == "" {
		value = k.Example
		doc += " Without it: none."
	}
	comment(b, doc)
	fmt.Fprintf(b, "#%s = %s\n", name, value)
}

// comment writes a text in lines that begin with "# "; no control character
// gets out of it, for that would be configuration.
func comment(b *bytes.Buffer, text string) {
	line := "#"
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		if len(line)+1+len(word) > width && line != "#" {
			b.WriteString(line + "\n")
			line = "#"
			if strings.HasPrefix(text, "- ") {
				line = "#  "
			}
		}
		line += " " + strings.ToValidUTF8(word, "?")
	}
	b.WriteString(line + "\n")
}

// quote writes a TOML basic string; see toml.io/en/v1.0.0#string.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func list(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
