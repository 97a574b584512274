package rival

import (
	"path/filepath"
	"slices"
	"strings"
)

// keepers hold listening sockets for others and accept nothing: systemd(1) those
// of its units and in its descriptor store, supervisord those of fcgi-program.
var keepers = []string{"systemd", "supervisord", "inetd", "xinetd", "s6-fdholderd"}

// socket is the rules path and bin-path. What it finds stays in c.spot, also
// where the process is a rival by another rule. Who started us may listen for
// us, as an init system does at the socket of a socket unit.
func (s *search) socket(c *candidate) (Rule, string) {
	if s.above[c.pid] || slices.Contains(keepers, c.name) || c.becoming() || slices.Contains(keepers, filepath.Base(c.script)) {
		return "", ""
	}
	first := func(is func(spot) bool) bool {
		i := slices.IndexFunc(c.named, is)
		if i >= 0 {
			c.spot = c.named[i]
		}
		return i >= 0
	}
	switch {
	case first(func(sp spot) bool { return sp.at }):
		if c.spot.addr.IsValid() {
			return Path, "it listens at " + c.spot.String()
		}
		return Path, "it listens at " + printable(s.place.path)
	case first(func(sp spot) bool { return sp.was }):
		return Path, "it listens at a socket that was at " + printable(s.place.path) + " before"
	case c.below("lighttpd") != nil && first(func(sp spot) bool { return sp.bin }):
		return BinPath, "lighttpd started it, and it listens at " + c.spot.String()
	}
	return "", ""
}

// becoming says that systemd has forked it and that it has not become a program
// yet: it has all that systemd has. Its name is in brackets until then.
func (c *candidate) becoming() bool {
	return strings.HasPrefix(c.name, "(") && len(c.chain) > 0 && c.chain[0].name == "systemd"
}

// below returns the nearest ancestor of one of these names; nil for none.
func (c *candidate) below(names ...string) *process {
	for i := range c.chain {
		if slices.Contains(names, c.chain[i].name) {
			return &c.chain[i]
		}
	}
	return nil
}

// A family is an application that has several programs to serve it, which lie
// in one directory: any two of them are two interpreters of one site.
type family struct {
	name      string
	sign      string   // what is in its directory
	launchers []string // the programs
	words     []string // one of them makes it serve; nil where it always does
}

// families are the few that are known. Other scripts of one directory are not
// one site: blog.fcgi and shop.fcgi. All are of Python.
var families = []family{
	{name: "web2py", sign: "gluon", launchers: []string{"web2py.py", "anyserver.py", "fcgihandler.py", "scgihandler.py", "wsgihandler.py"}},
	{name: "Django", sign: "manage.py", launchers: []string{"manage.py"},
		words: []string{"runserver", "runserver_plus", "runfcgi", "testserver", "rungunicorn", "runmodwsgi"}},
}

// runs says whether the interpreter of that kind, or the program of that name,
// may run the family's launchers.
func (f *family) runs(kind, name string) bool {
	return kind == "python" || strings.HasPrefix(name, "uwsgi")
}

// familyOf is the family that the backend belongs to, by the directory of its
// script or, where that is for all sites, by its working directory.
func familyOf(ours command) *family {
	dir := ours.dir
	if ours.own() && ours.script != "" {
		dir = homeOf(ours.scriptAt)
	}
	for i := range families {
		f := &families[i]
		if _, err := identify(filepath.Join(dir, f.sign)); err == nil && f.runs(ours.kind, filepath.Base(ours.path)) {
			return f
		}
	}
	return nil
}

// launcher is the rule of that name.
func (s *search) launcher(c *candidate) (Rule, string) {
	f := s.family
	if f == nil || !f.runs(c.kind, filepath.Base(c.path)) || c.home == (file{}) || c.home != s.ours.home {
		return "", ""
	}
	name := f.launched(c)
	if name == "" || len(s.listening(c)) == 0 {
		return "", ""
	}
	return Launcher, "it runs " + name + " of the same " + f.name + ", and listens"
}

// launched is the launcher that the process runs, "" for none: its script, or
// what a server for all sites was given to run.
func (f *family) launched(c *candidate) string {
	if c.script != "" && c.own() {
		name := filepath.Base(c.script)
		if slices.Contains(f.launchers, name) && (f.words == nil || slices.ContainsFunc(c.args, func(a string) bool { return slices.Contains(f.words, a) })) {
			return name
		}
		return ""
	}
	modules, files := applications(c.args, c.dir)
	for _, m := range modules {
		m, _, _ = strings.Cut(m, ":")
		files = append(files, m+".py")
	}
	for _, name := range files {
		if f.words == nil && slices.Contains(f.launchers, filepath.Base(name)) {
			return filepath.Base(name)
		}
	}
	return ""
}
