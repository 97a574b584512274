package scaffold

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A tree is a site's directory that is looked at.
type tree struct {
	dir     string
	files   []string // names in it, sorted
	machine Machine
}

// Recognise proposes how the site in a directory is served, the likeliest
// first; none where it is none that we know. The directory is absolute.
func (m Machine) Recognise(dir string) []*Plan {
	t := tree{dir: filepath.Clean(dir), machine: m}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries[:min(len(entries), 2000)] {
		t.files = append(t.files, e.Name())
	}
	var plans []*Plan
	for _, look := range []func(tree) *Plan{tree.web2py, tree.django, tree.ownServer, tree.webpy, tree.wsgi, tree.php, tree.psgi, tree.rack, tree.node} {
		if p := look(t); p != nil {
			p.Directory = t.dir
			p.Name = SafeName(p.nameIt())
			plans = append(plans, p)
		}
	}
	return plans
}

func (t tree) has(name string) bool {
	info, err := os.Stat(filepath.Join(t.dir, name))
	return err == nil && !info.IsDir()
}

func (t tree) text(name string) string { return readText(filepath.Join(t.dir, name)) }

// plan begins one.
func (t tree) plan(what string, command ...string) *Plan {
	return &Plan{Origin: "the " + what + " in " + t.dir, Command: command, Handoff: "fd0", Protocol: "fastcgi", Directory: t.dir}
}

// python is the interpreter of the site: that of a virtual environment in or
// beside it, else the system's.
func (t tree) python() string {
	for _, env := range []string{"venv", ".venv", "env", "virtualenv", "../venv", "../.venv", "../env"} {
		for _, name := range []string{"python3", "python"} {
			if file := filepath.Join(t.dir, env, "bin", name); executable(file) {
				return file
			}
		}
	}
	return defaultTo(t.machine.Find("python3"), "/usr/bin/python3")
}

// web2py has a handler for FastCGI, which needs nothing that is not in web2py.
func (t tree) web2py() *Plan {
	inside := t.has("fcgihandler.py")
	if !t.has("web2py.py") && !(inside && t.has("gluon/main.py")) {
		return nil
	}
	p := t.plan("web2py", t.python(), "fcgihandler.py")
	if !inside && t.has("handlers/fcgihandler.py") {
		p.note("web2py wants its handler beside web2py.py: cp %s %s", filepath.Join(t.dir, "handlers/fcgihandler.py"), t.dir)
		if found := p.binds("handlers/fcgihandler.py"); found != "" {
			p.note("take bindAddress=... (%s) out of the copy, so that it serves on descriptor 0, which keepone hands to it", found)
		}
	} else if !inside {
		p.note("there is no fcgihandler.py in %s: web2py's source has it in handlers", t.dir)
	}
	return p
}

var settingsModule = regexp.MustCompile(`DJANGO_SETTINGS_MODULE["']\s*,\s*["']([A-Za-z0-9_.]+)\.settings`)

func (t tree) django() *Plan {
	if !t.has("manage.py") || !strings.Contains(t.text("manage.py"), "DJANGO_SETTINGS_MODULE") {
		return nil
	}
	project := ""
	if m := settingsModule.FindStringSubmatch(t.text("manage.py")); m != nil {
		project = m[1]
	}
	found := func(file string) bool {
		return project != "" && t.has(filepath.Join(strings.ReplaceAll(project, ".", "/"), file))
	}
	for _, name := range t.files {
		if !found("wsgi.py") && !found("asgi.py") && dotted(name) && t.has(filepath.Join(name, "wsgi.py")) {
			project = name
		}
	}
	if !dotted(project) {
		return nil
	}
	python := t.python()
	p := t.pythonServer("Django project", python, project+".wsgi", "application", !found("wsgi.py") && found("asgi.py"))
	p.Needs = append(p.Needs, pythonNeed(python, "django"))
	return p
}

// pythonServer chooses who serves a Python object: what is installed, and of
// that the smallest in memory (BACKENDS.md).
func (t tree) pythonServer(what, python, module, object string, asgi bool) *Plan {
	p := t.plan(what)
	p.Handoff, p.Protocol = "listen-fds", "http"
	app := module + ":" + object
	bin := func(name string) string {
		if file := filepath.Join(filepath.Dir(python), name); executable(file) {
			return file
		}
		return ""
	}
	switch gunicorn, uvicorn := bin("gunicorn"), bin("uvicorn"); {
	case asgi && uvicorn != "":
		p.Command = []string{uvicorn, app, "--fd", "3"}
	case asgi:
		p.Command = []string{python, "-m", "uvicorn", app, "--fd", "3"}
		p.Needs = []Need{pythonNeed(python, "uvicorn")}
	case t.machine.Run(t.dir, pythonNeed(python, "waitress").Test) != nil && gunicorn != "":
		p.Command = []string{gunicorn, app}
	default:
		p.Command = waitress(python, module, object, "")
		p.Needs = []Need{pythonNeed(python, "waitress")}
	}
	return p
}

// ownScript finds scripts that serve FastCGI by themselves.
var ownScript = map[string]*regexp.Regexp{
	"python": regexp.MustCompile(`(?m)^\s*(?:from|import)\s+(?:flup\.server|gluon\.contrib\.gateways)\b|\brunfastcgi\b`),
	"perl":   regexp.MustCompile(`(?m)^\s*use\s+(?:CGI::Fast|FCGI)\b`),
	"ruby":   regexp.MustCompile(`(?m)^\s*require\s*\(?\s*["']fcgi["']`),
}

// ownServer is a script that serves FastCGI itself: *.fcgi, or one that loads
// flup, CGI::Fast or Ruby's fcgi.
func (t tree) ownServer() *Plan {
	for _, suffix := range []string{".fcgi", ".py", ".pl", ".cgi", ".rb"} {
		for _, name := range t.files {
			if filepath.Ext(name) != suffix || !t.has(name) {
				continue
			}
			language := t.language(name)
			if find := ownScript[language]; find == nil || !find.MatchString(t.text(name)) {
				continue
			}
			program := defaultTo(t.machine.Find(language), "/usr/bin/"+language)
			if language == "python" {
				program = t.python()
			}
			p := t.plan("FastCGI script "+name, program, name)
			p.LookInto()
			if language == "ruby" { // it dies of a connection without a request
				p.set("ready.by", quote("settle"))
				p.set("ready.settle", quote("500ms"))
				p.Needs = append(p.Needs, Need{What: "the Ruby library fcgi", Test: []string{program, "-e", `require "fcgi"`}, Package: "ruby-fcgi"})
			}
			return p
		}
	}
	return nil
}

// language is a script's, by its first line or its name.
func (t tree) language(name string) string {
	first, _, _ := strings.Cut(t.text(name), "\n")
	for _, language := range []string{"python", "perl", "ruby"} {
		if strings.HasPrefix(first, "#!") && strings.Contains(first, language) {
			return language
		}
	}
	return map[string]string{".py": "python", ".pl": "perl", ".rb": "ruby"}[filepath.Ext(name)]
}

var webApplication = regexp.MustCompile(`(?m)\bweb\.application\s*\(`)

// webpy serves FastCGI on descriptor 0 by flup when its argument is fastcgi.
func (t tree) webpy() *Plan {
	for _, name := range t.sources() {
		text := t.text(name)
		if webApplication.MatchString(text) && regexp.MustCompile(`(?m)^\s*import\s+(?:[\w, ]*\b)?web\b`).MatchString(text) && strings.Contains(text, ".run(") {
			python := t.python()
			p := t.plan("web.py program "+name, python, name, "fastcgi")
			p.Needs = []Need{pythonNeed(python, "web"), pythonNeed(python, "flup")}
			return p
		}
	}
	return nil
}

// sources are the names under which Python programs go, and every other one.
func (t tree) sources() []string {
	first := []string{"wsgi.py", "app.py", "main.py", "application.py", "asgi.py", "code.py"}
	first = slices.DeleteFunc(first, func(name string) bool { return !t.has(name) })
	for _, name := range t.files {
		if filepath.Ext(name) == ".py" && !slices.Contains(first, name) {
			first = append(first, name)
		}
	}
	return first
}

var (
	object = regexp.MustCompile(`(?m)^(?:from\s+\S+\s+import\s+(?:\w+\s+as\s+)?(application|app)\b|(application|app)\s*(?::[^=\n]+)?=|(?:async\s+)?def\s+(application|app)\s*\()`)
	asgi   = regexp.MustCompile(`\b(?:FastAPI|Starlette|Quart|Sanic|get_asgi_application)\s*\(|(?m)^async\s+def\s+(?:application|app)\s*\(`)
	called = []string{"wsgi.py", "app.py", "main.py", "application.py", "asgi.py"}
)

// wsgi is a Python program with an object named application or app.
func (t tree) wsgi() *Plan {
	for _, name := range called {
		text := t.text(name)
		m := object.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		what := "WSGI program " + name
		if asgi.MatchString(text) {
			what = "ASGI program " + name
		} else if strings.Contains(text, "Flask(") {
			what = "Flask program " + name
		}
		python := t.python()
		p := t.pythonServer(what, python, strings.TrimSuffix(name, ".py"), m[1]+m[2]+m[3], strings.HasPrefix(what, "ASGI"))
		if strings.HasPrefix(what, "Flask") {
			p.Needs = append(p.Needs, pythonNeed(python, "flask"))
		}
		return p
	}
	return nil
}
