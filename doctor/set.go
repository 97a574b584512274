package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// set is the command that gives a key of the configuration a value, and has it
// in force. value is TOML. It is "" where there is no configuration.
func (p *Patient) set(section, key, value string) string {
	if p.Site.File == "" {
		return ""
	}
	edit := edit(itself(p.Site.File), section, key, value)
	if edit == "" {
		return ""
	}
	return edit + " && keepone reload " + p.Site.Say + " && keepone restart-backend " + p.Site.Say
}

// edit is the command that changes the file: what stands there, or another line
// in the section, or another section. Dotted keys and inline tables are left to
// people: "".
func edit(file, section, key, value string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	in, headed := "", false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			name, _, _ := strings.Cut(strings.TrimPrefix(line, "["), "]")
			in = strings.TrimSpace(name)
			headed = headed || in == section
		}
		name, _, found := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		switch {
		case in == section && found && name == key:
			return fmt.Sprintf(`sed -i '/^ *\[ *%s *\]/,/^ *\[/ s|^ *%s *=.*|%s = %s|' %s`, section, key, key, value, quote(file))
		case in == "" && found && (name == section || strings.HasPrefix(name, section+".")):
			return ""
		}
	}
	if headed {
		return fmt.Sprintf(`sed -i '/^ *\[ *%s *\]/a %s = %s' %s`, section, key, value, quote(file))
	}
	return fmt.Sprintf(`printf '\n[%s]\n%s = %s\n' >> %s`, section, key, value, quote(file))
}

// itself is the file that a link leads to: sed -i would put a file in the link's
// place.
func itself(file string) string {
	if real, err := filepath.EvalSymlinks(file); err == nil {
		return real
	}
	return file
}

// edited is a file as a word of sh(1), in the format of a command.
func edited(file string) string { return strings.ReplaceAll(quote(itself(file)), "%", "%%") }
