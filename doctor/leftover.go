package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A starter is a kind of file that starts programs, at boot or for ever.
type starter struct {
	pattern string
	fix     func(file string, line int) string
}

// starters are those that people had before. A line of theirs is commented out;
// a unit or a program of supervisord's is switched off by its own command.
var starters = []starter{
	{"/etc/rc.local", comment},
	{"/etc/crontab", comment},
	{"/etc/cron.d/*", comment},
	{"/etc/inittab", func(file string, line int) string { return comment(file, line) + " && telinit q" }},
	{"/var/spool/cron/crontabs/*", comment},
	{"/etc/supervisor/conf.d/*.conf", supervised},
	{"/etc/supervisord.d/*.ini", supervised},
	{"/etc/systemd/system/*.service", func(file string, _ int) string { return "systemctl disable --now " + quote(filepath.Base(file)) }},
	{"/etc/service/*/run", func(file string, _ int) string { return "rm " + quote(filepath.Dir(file)) }},
}

func comment(file string, line int) string {
	return fmt.Sprintf("sed -i '%ds/^/#/' %s", line, quote(itself(file)))
}

func supervised(file string, _ int) string {
	return fmt.Sprintf("mv %s %s.off && supervisorctl update", quote(file), quote(file))
}

// leftovers looks for what starts the same thing without keepone: today it may
// be ended, and it comes back at the next boot.
func (p *Patient) leftovers() []Finding {
	const check = "leftover"
	var all []Finding
	unread := ""
	for _, s := range starters {
		files, _ := filepath.Glob(s.pattern) // the patterns are valid
		for _, file := range files {
			text, err := os.ReadFile(file)
			if os.IsPermission(err) {
				unread = file
			}
			if line := p.starts(string(text)); line > 0 && !(strings.HasSuffix(file, ".service") && !enabled(file)) {
				all = append(all, Finding{Warning, check, fmt.Sprintf("%s:%d", file, line), "it starts the site's program without keepone: a second interpreter after the next boot", s.fix(file, line)})
			}
		}
	}
	switch {
	case all != nil:
		return all
	case unread != "":
		return one(NotChecked, check, unread, "only root can read it", "")
	}
	return one(OK, check, p.Site.Name, "nothing else starts it: not rc.local, cron, inittab, supervisord, a unit or runit", "")
}

// starts finds the line that runs what the site runs. What names the site is its
// script, or where there is none its socket's path; a name that is not absolute
// must come with the site's directory somewhere in the file.
func (p *Patient) starts(text string) int {
	script := ""
	for i, word := range p.Site.Command {
		interpreter := i == 0 && len(p.Site.Command) > 1
		if !interpreter && !strings.HasPrefix(word, "-") && strings.ContainsAny(word, "./") {
			script = word
			break
		}
	}
	if len(p.Site.Command) == 1 && !strings.HasPrefix(script, p.Site.Directory+"/") {
		script = p.Site.Socket // php-cgi is everybody's
	}
	if script == "" {
		return 0
	}
	if !strings.HasPrefix(script, "/") {
		script = filepath.Join(p.Site.Directory, script)
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.ContainsAny(line[:1], "#;") || strings.Contains(line, "keepone") {
			continue
		}
		for word := range strings.FieldsFuncSeq(line, func(r rune) bool { return strings.ContainsRune(" \t\"'=;&", r) }) {
			relative := word == filepath.Base(script) && strings.Contains(text, p.Site.Directory)
			if word == script || relative {
				return i + 1
			}
		}
	}
	return 0
}

// enabled tells whether a unit is wanted by something.
func enabled(unit string) bool {
	links, _ := filepath.Glob(filepath.Join(filepath.Dir(unit), "*", filepath.Base(unit)))
	return len(links) > 0
}
