package scaffold

import (
	"strconv"
	"strings"
)

// expand replaces %(name)s and the like; what only supervisord's own
// environment knows is noted and stays.
func (r *supervised) expand(text string) string {
	var b strings.Builder
	for text != "" {
		at := strings.IndexByte(text, '%')
		if at < 0 || at+1 == len(text) {
			break
		}
		b.WriteString(text[:at])
		text = text[at:]
		end := strings.IndexByte(text, ')')
		switch {
		case text[1] == '%':
			b.WriteByte('%')
			text = text[2:]
		case text[1] != '(' || end < 0:
			b.WriteByte('%')
			text = text[1:]
		default:
			form := text[end+1:]
			width := len(form) - len(strings.TrimLeft(form, "0123456789"))
			value, known := r.expansions[text[2:end]]
			if !known {
				value = text[:end+1] + "s"
				r.p.note("%s is known to supervisord only: write what it stands for", value)
			}
			if n, err := strconv.Atoi(form[:width]); err == nil && known && n < 32 && width < len(form) && form[width] == 'd' {
				value = strings.Repeat("0", max(0, n-len(value))) + value
			}
			b.WriteString(value)
			text = form[min(width+1, len(form)):]
		}
	}
	return b.String() + text
}

// pairs reads KEY="value",KEY2='value',KEY3=value.
func (p *Plan) pairs(text string) {
	for text = strings.Trim(text, ", \t\n"); text != ""; text = strings.Trim(text, ", \t\n") {
		name, rest, found := strings.Cut(text, "=")
		if !found {
			p.note("environment: %q has no =", text)
			return
		}
		rest = strings.TrimLeft(rest, " \t\n")
		end, value := strings.IndexAny(rest, ", \t\n"), ""
		if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
			if end = strings.IndexByte(rest[1:], rest[0]); end < 0 {
				p.note("environment: a closing quote is missing behind %s", name)
				return
			}
			value, text = rest[1:end+1], rest[end+2:]
		} else {
			if end < 0 {
				end = len(rest)
			}
			value, text = rest[:end], rest[end:]
		}
		p.setenv(strings.TrimSpace(name), value)
	}
}
