package main

import (
	"errors"
	"fmt"
	"keepone/config"
	"keepone/scaffold"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Everything that is read or recognised is a configuration that keepone loads,
// and that says what the plan says.
func TestInitRoundTrips(t *testing.T) {
	files, err := filepath.Glob("../../scaffold/testdata/from/*.in")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	count := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, rest, _ := strings.Cut(string(text), "\n")
		path, kind, _ := strings.Cut(strings.TrimPrefix(first, "# "), " ")
		plans, _ := scaffold.From(kind, scaffold.Source{Path: path, Text: rest}) // some are to fail
		for _, p := range plans {
			p.Adapt("/run/keepone/x/x.sock")
			loads(t, p)
			count++
		}
	}
	for name, text := range map[string]string{"index.php": "", "app.psgi": "", "config.ru": "", "app.rb": "require 'fcgi'\n", "wsgi.py": "application = 1\n", "web2py.py": "", "server.js": "", "serve.pl": "use CGI::Fast;\n"} {
		dir := t.TempDir()
		if err := errors.Join(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644), os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{}`), 0o644)); err != nil {
			t.Fatal(err)
		}
		plans := scaffold.Machine{Path: "/usr/bin", Run: func(string, []string) error { return nil }}.Recognise(dir)
		if len(plans) == 0 {
			t.Errorf("%s: nothing was recognised", name)
		}
		for _, p := range plans {
			p.Adapt("/run/keepone/x/x.sock")
			loads(t, p)
			count++
		}
	}
	if count < 20 {
		t.Errorf("only %d were tried", count)
	}
}

func loads(t *testing.T, p *scaffold.Plan) {
	t.Helper()
	p.User, p.Group = "root", "root" // not everybody in the examples lives here
	for _, key := range []string{"socket.owner", "socket.group", "backend.groups"} {
		delete(p.Set, key)
	}
	text, err := p.Text(keysToWrite())
	if err != nil {
		t.Errorf("%s: %v", p.Origin, err)
		return
	}
	file := filepath.Join(t.TempDir(), "x.toml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, config.Defaults{Root: true, User: "root", RunDir: "/run/keepone/x"})
	if err != nil {
		t.Errorf("%s: %v\n%s", p.Origin, err, text)
		return
	}
	or := func(text, other string) string {
		if text == "" {
			return other
		}
		return text
	}
	if fmt.Sprint(c.Backend.Command) != fmt.Sprint(p.Command) || c.Backend.Directory != or(p.Directory, "/") || c.Socket.Path != p.Socket ||
		c.Backend.Handoff != or(p.Handoff, "fd0") || c.Backend.Protocol != or(p.Protocol, "fastcgi") || len(c.Environment.Variables) != len(p.Env) {
		t.Errorf("%+v came back as %+v", p, c)
	}
	for _, v := range p.Env {
		if c.Environment.Variables[v.Name] != v.Value {
			t.Errorf("%v came back as %q", v, c.Environment.Variables[v.Name])
		}
	}
}
