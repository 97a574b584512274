package scaffold

import (
	"errors"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
)

// cEscape is the escape of systemd.syntax(7), "Quoting".
func cEscape(rest string, _ byte) (string, int) {
	if len(rest) == 1 {
		return rest, 1
	}
	if at := strings.IndexByte(`abfnrtv\"'s`, rest[1]); at >= 0 {
		return "\a\b\f\n\r\t\v\\\"' "[at : at+1], 2
	}
	for form, bits := range map[byte][3]int{'x': {2, 16, 2}, 'u': {2, 16, 4}, 'U': {2, 16, 8}, '0': {1, 8, 3}, '1': {1, 8, 3}, '2': {1, 8, 3}, '3': {1, 8, 3}} {
		end := bits[0] + bits[2]
		if rest[1] != form || len(rest) < end {
			continue
		}
		n, err := strconv.ParseUint(rest[bits[0]:end], bits[1], 32)
		if err != nil || n == 0 || n > 0x10ffff {
			break
		}
		if bits[2] <= 3 { // a byte
			return string([]byte{byte(n)}), end
		}
		return string(rune(n)), end
	}
	return rest[:2], 2 // unknown ones stay
}

// command reads ExecStart=: its prefixes, quotes, specifiers, and variables as
// far as Environment= says them; see systemd.service(5), "Command lines".
func (u *unit) command(line string) error {
	special := len(line) - len(strings.TrimLeft(line, "@-:+!|"))
	prefixes := line[:special]
	words, err := splitQuoted(line[special:], cEscape)
	if err != nil {
		return err
	}
	if at := slices.Index(words, ";"); at >= 0 {
		u.p.note("ExecStart= starts several programs; keepone runs the first")
		words = words[:at]
	}
	if strings.Contains(prefixes, "@") && len(words) > 1 {
		u.p.note("the program was called %q by ExecStart=@; keepone calls it by its path", words[1])
		words = slices.Delete(words, 1, 2)
	}
	if strings.ContainsAny(prefixes, "+!") {
		u.p.note("ExecStart=%s ran the program with more rights than its User=; keepone runs it as backend.user alone", prefixes)
	}
	if len(words) == 0 {
		return errors.New("it names no program")
	}
	for i, w := range words {
		w = u.specifiers(w)
		if strings.Contains(prefixes, ":") || i == 0 {
			u.p.Command = append(u.p.Command, w)
			continue
		}
		u.p.Command = append(u.p.Command, u.variables(w)...)
	}
	return nil
}

// variables replaces ${NAME} anywhere; $NAME as a word of its own becomes as
// many words as it has.
func (u *unit) variables(w string) []string {
	if len(w) > 1 && w[0] == '$' && isVariable(w[1:]) {
		value, known := u.lookup(w[1:])
		if !known {
			return []string{w}
		}
		words, err := splitQuoted(value, cEscape)
		if err != nil {
			u.p.note("%s in ExecStart=: %v", w, err)
		}
		return words
	}
	var b strings.Builder
	for w != "" {
		at := strings.IndexByte(w, '$')
		if at < 0 {
			break
		}
		b.WriteString(w[:at])
		w = w[at:]
		whole, name := variable(w)
		switch value, known := "", false; {
		case strings.HasPrefix(w, "$$"):
			b.WriteByte('$')
			w = w[2:]
			continue
		case strings.HasPrefix(whole, "${") && name != "":
			if value, known = u.lookup(name); !known {
				value = whole
			}
			b.WriteString(value)
		default:
			b.WriteString(whole)
		}
		w = w[len(whole):]
	}
	return []string{b.String() + w}
}

// lookup finds a variable of the unit.
func (u *unit) lookup(name string) (string, bool) {
	for _, v := range u.p.Env {
		if v.Name == name {
			return v.Value, true
		}
	}
	u.p.note("$%s in ExecStart= is not in Environment=: write what it stands for", name)
	return "", false
}

// specifiers replaces those of systemd.unit(5) that are the same for a system's
// units on every day; others stay and are noted.
func (u *unit) specifiers(text string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	short, _, _ := strings.Cut(host, ".")
	fixed := map[byte]string{'%': "%", 'i': u.inst, 'I': unescapeUnit(u.inst), 'p': u.prefix, 'P': unescapeUnit(u.prefix), 'n': u.full,
		'N': strings.TrimSuffix(u.full, ".service"), 'j': u.prefix[strings.LastIndexByte(u.prefix, '-')+1:], 't': "/run", 'S': "/var/lib", 'C': "/var/cache", 'L': "/var/log",
		'E': "/etc", 'T': "/tmp", 'V': "/var/tmp", 'H': host, 'l': short, 'u': "root", 'U': "0", 'g': "root", 'G': "0", 's': "/bin/sh"}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		value, known := fixed[text[i]]
		if text[i] == 'h' {
			value, known = homeOf("root")
		}
		if !known {
			value = "%" + text[i:i+1]
			u.p.note("%s in the unit: write what it stands for", value)
		}
		b.WriteString(value)
	}
	return b.String()
}

func homeOf(name string) (string, bool) {
	who, err := user.Lookup(name)
	if err != nil {
		return "", false
	}
	return who.HomeDir, true
}

// unescapeUnit undoes systemd-escape(1).
func unescapeUnit(s string) string {
	s = strings.ReplaceAll(s, "-", "/")
	words, err := splitQuoted(s, cEscape)
	if err != nil || len(words) != 1 {
		return s
	}
	return words[0]
}
