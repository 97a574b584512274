package scaffold

import (
	"encoding/json"
	"strings"
)

func (t tree) php() *Plan {
	for _, name := range []string{"index.php", "public/index.php", "web/index.php", "htdocs/index.php"} {
		if t.has(name) {
			return t.plan("PHP site", defaultTo(t.machine.Find("php-cgi"), "/usr/bin/php-cgi"))
		}
	}
	return nil
}

func (t tree) psgi() *Plan {
	if !t.has("app.psgi") {
		return nil
	}
	p := t.plan("PSGI program", defaultTo(t.machine.Find("plackup"), "/usr/bin/plackup"), "app.psgi")
	p.Protocol = "http"
	perl := defaultTo(t.machine.Find("perl"), "/usr/bin/perl")
	p.Needs = []Need{perlNeed(perl, "Plack::Handler::Starlet", "starlet")}
	return p
}

func (t tree) rack() *Plan {
	if !t.has("config.ru") {
		return nil
	}
	p := t.plan("Rack program", defaultTo(t.machine.Find("puma"), "/usr/bin/puma"))
	bundle := t.machine.Find("bundle")
	switch {
	case bundle != "" && strings.Contains(t.text("Gemfile.lock"), "puma"):
		p.Command = []string{bundle, "exec", "puma"}
	case t.machine.Find("puma") == "" && t.machine.Find("unicorn") != "":
		p.Command = []string{t.machine.Find("unicorn")}
	}
	if !t.has("config/puma.rb") && plainName(p.Command[0]) == "puma" {
		p.Command = append(p.Command, "--no-config")
	}
	p.Command = append(p.Command, "config.ru")
	p.Handoff, p.Protocol = "listen-fds", "http"
	return p
}

func (t tree) node() *Plan {
	var about struct {
		Main    string
		Scripts struct{ Start string }
	}
	if text := t.text("package.json"); text == "" || json.Unmarshal([]byte(text), &about) != nil {
		return nil
	}
	script := about.Main
	if words := strings.Fields(about.Scripts.Start); len(words) == 2 && words[0] == "node" {
		script = words[1]
	}
	for _, name := range []string{"server.js", "index.js", "app.js"} {
		if script == "" && t.has(name) {
			script = name
		}
	}
	if script == "" || strings.HasPrefix(script, "-") {
		return nil
	}
	return t.plan("Node.js program", defaultTo(t.machine.Find("node"), "/usr/bin/node"), script)
}
