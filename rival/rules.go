package rival

import (
	"path/filepath"
	"slices"
	"strings"
)

// judge names the first rule that applies to the process, unless it is ours:
// whoever is at our path is that before anything else, for as long as it lives.
func (s *search) judge(c *candidate) {
	if s.isOurs(c) {
		return
	}
	for _, rule := range []func(*candidate) (Rule, string){s.script, s.program, s.launcher} {
		if s.known && c.rule == "" {
			c.rule, c.why = rule(c)
		}
	}
	if s.anothers(c) && !(c.rule == Script && s.sameArgs(c)) {
		c.rule = "" // a site of its own, unless it is at our path
	}
	if rule, why := s.socket(c); rule == Path || rule != "" && c.rule == "" && !s.anothers(c) {
		c.rule, c.why = rule, why
	}
}

// isOurs says whether the process belongs to this keepone, or is one.
func (s *search) isOurs(c *candidate) bool {
	if c.locked || c.exe != (file{}) && c.exe == s.self || c.deleted && c.path == s.selfPath {
		return true
	}
	return s.counts(c) && (c.env.marked(s.wanted.Mark) || c.env.marked(s.wanted.JobMark))
}

// counts says whether the marks of the process do: anybody may copy one.
func (s *search) counts(c *candidate) bool {
	return s.wanted.Users == nil || slices.Contains(s.wanted.Users, s.realUID(c.pid))
}

// anothers says whether it is the backend of another keepone.
func (s *search) anothers(c *candidate) bool {
	return c.env.get("KEEPONE") != "" && !c.env.marked(s.wanted.Mark)
}

// marked says whether there is a variable that begins so. What follows a mark
// is behind a colon: that of run directory 12 is not that of 1.
func (e environment) marked(mark string) bool {
	return mark != "" && slices.ContainsFunc(e, func(v string) bool {
		rest, ok := strings.CutPrefix(v, mark)
		return ok && (rest == "" || rest[0] == ':' || strings.HasSuffix(mark, ":"))
	})
}

// sameProgram says whether both are run by the same program or, what counts as
// that, the same kind of interpreter. A program that was replaced on disk while
// it ran is known by its path.
func (s *search) sameProgram(c *candidate) bool {
	if c.exe != (file{}) && c.exe == s.ours.exe {
		return true
	}
	if s.ours.kind != "" {
		return c.kind == s.ours.kind
	}
	return c.deleted && c.path == s.ours.path && s.link(c.pid, "root") == "/"
}

// sameArgs compares what follows the script; an overwritten command line has
// none to compare.
func (s *search) sameArgs(c *candidate) bool {
	return c.title == "" && slices.Equal(c.args, s.ours.args)
}

// script is the rule of that name.
func (s *search) script(c *candidate) (Rule, string) {
	if !s.ours.own() || !s.sameProgram(c) {
		return "", ""
	}
	runs := s.ours.path
	if s.ours.script != "" {
		if runs = s.ours.scriptAt; c.code == (file{}) || c.code != s.ours.code {
			return "", ""
		}
	}
	switch {
	case s.sameArgs(c):
		return Script, "it runs " + printable(runs) + ", too"
	case len(s.listening(c)) > 0:
		return Script, "it runs " + printable(runs) + ", too, with other arguments, and listens"
	}
	return "", "" // a job
}

// program is the rule of that name.
func (s *search) program(c *candidate) (Rule, string) {
	o := &s.ours
	if o.own() || !s.sameProgram(c) || c.dir == "/" || c.dirAt == (file{}) || c.dirAt != o.dirAt {
		return "", ""
	}
	runs := filepath.Base(o.path)
	switch {
	case o.script != "":
		if runs = filepath.Base(o.script); c.title != runs && (c.code == (file{}) || c.code != o.code) {
			return "", ""
		}
	case o.module != c.module, o.inline != c.inline, c.script != "":
		return "", ""
	case o.module != "":
		runs = "-m " + o.module
	}
	same := s.sameArgs(c)
	switch listens := len(s.listening(c)) > 0; {
	case !same && (o.inline || !listens || s.otherApplication(c)):
		return "", ""
	case o.bare() && !listens: // a CGI request, a script from a pipe
		return "", ""
	}
	return Program, "it runs " + printable(runs) + " in " + printable(c.dir) + ", too"
}

// otherApplication says whether the command lines name different applications:
// two that a module has (blog:app) or, where not both name such, two files.
func (s *search) otherApplication(c *candidate) bool {
	ours, ourFiles := applications(s.ours.args, s.ours.dir)
	theirs, theirFiles := applications(c.args, s.ours.dir) // the directories are the same
	if len(ours) == 0 || len(theirs) == 0 {
		ours, theirs = ourFiles, theirFiles
	}
	return len(ours) > 0 && len(theirs) > 0 && !slices.ContainsFunc(ours, func(a string) bool { return slices.Contains(theirs, a) })
}

// appFiles are the names of what launchers are given to run, by their ends.
var appFiles = []string{".py", ".wsgi", ".ini", ".toml", ".xml", ".yaml", ".yml", ".json", ".conf", ".php", ".psgi", ".pl",
	".fcgi", ".cgi", ".ru", ".rb", ".js", ".lua", ".tcl", ".jar", ".war", ".dll", ".exe", ".phar", ".scm", ".sh"}

// applications picks the words that name an application: MODULE:NAME, and files.
func applications(args []string, dir string) (modules, files []string) {
	for _, word := range args {
		if strings.HasPrefix(word, "-") {
			_, word, _ = strings.Cut(word, "=")
		}
		module, name, ok := strings.Cut(word, ":")
		switch {
		case slices.Contains(appFiles, filepath.Ext(word)):
			files = append(files, absolute(dir, word))
		case ok && isName(module) && isName(name):
			modules = append(modules, word)
		}
	}
	return modules, files
}

// isName says whether it may be a name of Python or Ruby, with dots, or the call
// of one: no address, no port.
func isName(s string) bool {
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.()") == ""
}
