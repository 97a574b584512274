package scaffold

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A Need is a program or a module without which a command does not run.
type Need struct {
	What    string   // "the Python module flup"
	Program string   // that must be there; "" where Test tells
	Test    []string // a command that succeeds where the module is there
	Package string   // what brings it: Debian's package, or a sentence; "" is not known
}

// String says what is missing and what brings it.
func (n Need) String() string {
	switch {
	case n.Package == "":
		return n.What + " is not there, or cannot be run"
	case strings.Contains(n.Package, " "):
		return n.What + " is not there: " + n.Package
	}
	return n.What + " is not there: apt install " + n.Package
}

// A Machine is asked what is installed on it.
type Machine struct {
	Path string                                // directories of programs, as in PATH
	Run  func(dir string, argv []string) error // runs a test of a Need, as somebody harmless
}

// Find is the path of a program; "" where there is none.
func (m Machine) Find(program string) string {
	for dir := range strings.SplitSeq(m.Path, ":") {
		if file := filepath.Join(dir, program); filepath.IsAbs(dir) && executable(file) {
			return file
		}
	}
	return ""
}

func executable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// Missing is what the plan's command needs and this machine has not.
func (m Machine) Missing(p *Plan) []Need {
	return slices.DeleteFunc(append(slices.Clone(p.Needs), p.programNeed()...), func(n Need) bool {
		switch {
		case n.Program != "" && strings.Contains(n.Program, "/"):
			return executable(p.inDirectory(n.Program))
		case n.Program != "":
			return m.Find(n.Program) != ""
		}
		return m.Run(p.Directory, n.Test) == nil
	})
}

// packages bring programs, by plainName.
var packages = map[string]string{
	"php-cgi": "php-cgi", "php-fpm": "php-fpm", "python": "python3", "perl": "perl", "ruby": "ruby", "node": "nodejs", "gunicorn": "gunicorn",
	"uvicorn": "uvicorn", "hypercorn": "python3-hypercorn", "daphne": "python3-daphne", "uwsgi": "uwsgi-core", "puma": "puma", "unicorn": "unicorn",
	"plackup": "libplack-perl", "fcgiwrap": "fcgiwrap", "bundle": "bundler",
}

// programNeed is the command's first word.
func (p *Plan) programNeed() []Need {
	if len(p.Command) == 0 {
		return nil
	}
	program := p.Command[0]
	n := Need{What: "the program " + program, Program: program}
	if name := packages[plainName(program)]; name != "" && (!strings.Contains(program, "/") || strings.HasPrefix(program, "/usr/bin/") || strings.HasPrefix(program, "/usr/sbin/")) {
		n.Package = name
	}
	return []Need{n}
}

// Absolute writes the command's program with its path, where it is found.
func (m Machine) Absolute(p *Plan) {
	if len(p.Command) == 0 || strings.Contains(p.Command[0], "/") {
		return
	}
	if file := m.Find(p.Command[0]); file != "" {
		p.Command[0] = file
	}
}

// imports finds what a Python script needs beside the standard library, of the
// few modules that are made for this.
var imports = regexp.MustCompile(`(?m)^\s*(?:from|import)\s+(flup|web|waitress|flask|django|bottle|cherrypy|tornado|pyramid)\b`)

// pythonPackages are Debian 12's; flup is not in it.
var pythonPackages = map[string]string{
	"flup": "Debian 12 has no package; pip install flup in a virtual environment (python3 -m venv)", "web": "python3-webpy", "waitress": "python3-waitress",
	"flask": "python3-flask", "django": "python3-django", "bottle": "python3-bottle", "cherrypy": "python3-cherrypy3", "tornado": "python3-tornado",
	"pyramid": "python3-pyramid", "gunicorn": "gunicorn", "uvicorn": "python3-uvicorn",
}

// pythonNeed asks an interpreter for a module.
func pythonNeed(python, module string) Need {
	bring := defaultTo(pythonPackages[module], "pip install "+module)
	if !strings.HasPrefix(python, "/usr/") && python != "python3" {
		bring = python + " -m pip install " + map[bool]string{true: "web.py", false: module}[module == "web"]
	}
	return Need{What: "the Python module " + module, Test: []string{python, "-c", "import " + module}, Package: bring}
}

// perlNeed asks perl for a module.
func perlNeed(perl, module, pkg string) Need {
	return Need{What: "the Perl module " + module, Test: []string{perl, "-M" + module, "-e", "1"}, Package: pkg}
}

// LookInto adds what the script of a command imports to its needs.
func (p *Plan) LookInto() {
	if len(p.Command) < 2 || len(p.Needs) > 0 {
		return
	}
	script := readText(p.inDirectory(p.Command[1]))
	switch plainName(p.Command[0]) {
	case "python":
		for _, m := range imports.FindAllStringSubmatch(script, -1) {
			n := pythonNeed(p.Command[0], m[1])
			if !slices.ContainsFunc(p.Needs, func(o Need) bool { return o.What == n.What }) {
				p.Needs = append(p.Needs, n)
			}
		}
	case "perl":
		p.perlNeeds(script)
	}
}

func (p *Plan) perlNeeds(script string) {
	for _, m := range [][2]string{{"CGI::Fast", "libcgi-fast-perl"}, {"FCGI::ProcManager", "libfcgi-procmanager-perl"}, {"FCGI", "libfcgi-perl"}} {
		if regexp.MustCompile(`(?m)^\s*use\s+` + m[0] + `\b`).MatchString(script) {
			p.Needs = append(p.Needs, perlNeed(p.Command[0], m[0], m[1]))
		}
	}
}
