package scaffold

import (
	"path/filepath"
	"strings"
)

// redirect takes redirections out of a command; output.to is where stdout
// went. What went to /dev/null is kept where keepone keeps it.
func (p *Plan) redirect(words []word) []word {
	var rest []word
	for i := 0; i < len(words); i++ {
		op := words[i]
		if !op.operator {
			rest = append(rest, op)
			continue
		}
		i++
		if i == len(words) || strings.Contains(op.text, "<") || strings.HasPrefix(op.text, "2") || strings.HasSuffix(op.text, ">&") {
			continue
		}
		file := words[i].text
		if !filepath.IsAbs(file) && p.Directory != "" {
			file = filepath.Join(p.Directory, file)
		}
		switch {
		case words[i].raw || strings.HasPrefix(file, "/dev/"):
		case filepath.IsAbs(file):
			p.set("output.to", quote(filepath.Clean(file)))
		default:
			p.note("its output went to %s; keepone keeps it in output.to", file)
		}
	}
	return rest
}
