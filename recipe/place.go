package recipe

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Place is where a text belongs on this machine, and what to do then.
type Place struct {
	File    string   // the file to write
	Known   bool     // whether its directory is there; else the text has to be put where the server reads
	Enabled bool     // whether the server reads it already
	Enable  []string // commands for root, in order, that have the server read it
	Main    string   // the server's own configuration file
	Name    string   // of the server's program and unit: "apache2" or "httpd"
}

// Left are those of the commands that are still to do. What enables a file is
// none where that is done: lighty-enable-mod then ends with status 2, and what
// stands behind && would not be run.
func (p Place) Left() []string {
	if !p.Enabled {
		return p.Enable
	}
	last := p.Enable[len(p.Enable)-1:]
	if first := p.Enable[0]; strings.HasPrefix(first, "a2enmod ") { // another protocol takes other modules
		return append([]string{first}, last...)
	}
	return last
}

// A System is the machine that is written for.
type System struct {
	Root    string // "" for /
	Systemd bool   // whether systemd runs, which decides how a server is reloaded
}

// reload is the command that has a web server read its configuration again.
func (y System) reload(name string) string {
	if y.Systemd {
		return "systemctl reload " + name
	}
	return "service " + name + " reload"
}

// A home is a directory that distributions read configurations from. With link
// it is one of those that a link in another makes read; else "on" says what has
// to be done, "" for nothing.
type home struct {
	server, dir, file, link, on string
	part                        bool // for the text of a prefix, or for that without one; of nginx and Caddy
}

// homes are those of Debian and Ubuntu first, then of Fedora and Alpine: what
// each package's own configuration file includes.
var homes = []home{
	{"lighttpd", "/etc/lighttpd/conf-available", "50-keepone-%s.conf", "/etc/lighttpd/conf-enabled", "lighty-enable-mod keepone-%s", false},
	{"lighttpd", "/etc/lighttpd/conf.d", "keepone-%s.conf", "", `echo 'include "/etc/lighttpd/conf.d/keepone-%s.conf"' >> /etc/lighttpd/lighttpd.conf`, false},
	{"lighttpd", "/etc/lighttpd", "keepone-%s.conf", "", `echo 'include "/etc/lighttpd/keepone-%s.conf"' >> /etc/lighttpd/lighttpd.conf`, false},
	{"nginx", "/etc/nginx/sites-available", "keepone-%s", "/etc/nginx/sites-enabled", "ln -sf ../sites-available/keepone-%s /etc/nginx/sites-enabled/", false},
	{"nginx", "/etc/nginx/http.d", "keepone-%s.conf", "/etc/nginx/http.d", "", false},
	{"nginx", "/etc/nginx/conf.d", "keepone-%s.conf", "/etc/nginx/conf.d", "", false},
	{"nginx", "/etc/nginx/snippets", "keepone-%s.conf", "", "", true},
	{"nginx", "/etc/nginx", "keepone-%s.inc", "", "", true},
	{"apache-host", "/etc/apache2/sites-available", "keepone-%s.conf", "/etc/apache2/sites-enabled", "a2ensite keepone-%s", false},
	{"apache", "/etc/apache2/conf-available", "keepone-%s.conf", "/etc/apache2/conf-enabled", "a2enconf keepone-%s", false},
	{"apache", "/etc/apache2/conf.d", "keepone-%s.conf", "/etc/apache2/conf.d", "", false},
	{"apache", "/etc/httpd/conf.d", "keepone-%s.conf", "/etc/httpd/conf.d", "", false},
	{"caddy", "/etc/caddy/Caddyfile.d", "keepone-%s.caddyfile", "/etc/caddy/Caddyfile.d", "", false},
	{"caddy", "/etc/caddy", "keepone-%s.caddy", "", "echo 'import keepone-%s.caddy' >> /etc/caddy/Caddyfile", false},
	{"caddy", "/etc/caddy", "keepone-%s.snippet", "", "", true},
}

// Place finds where the site's text belongs: the first directory that exists,
// else that of Debian.
func (y System) Place(server string, s Site) Place {
	part := s.Prefix != "" && (server == "nginx" || server == "caddy")
	var first *home
	for i := range homes {
		h := &homes[i]
		if h.server != server && (h.server != server+"-host" || s.Host == "") || h.part != part {
			continue
		}
		if first == nil {
			first = h
		}
		if info, err := os.Stat(y.Root + h.dir); err == nil && info.IsDir() {
			return y.at(h, server, s, true)
		}
	}
	return y.at(first, server, s, false)
}

func (y System) at(h *home, server string, s Site, known bool) Place {
	name := fileName(s.Name)
	p := Place{Known: known, Name: server, File: filepath.Join(h.dir, fmt.Sprintf(h.file, name))}
	switch server {
	case "lighttpd":
		p.Main = "/etc/lighttpd/lighttpd.conf"
	case "nginx":
		p.Main = "/etc/nginx/nginx.conf"
	case "apache":
		p.Name, p.Main = "apache2", "/etc/apache2/apache2.conf"
		if strings.HasPrefix(h.dir, "/etc/httpd") {
			p.Name, p.Main = "httpd", "/etc/httpd/conf/httpd.conf"
		}
	case "caddy":
		p.Main = "/etc/caddy/Caddyfile"
	}
	if h.link != "" {
		_, err := os.Stat(filepath.Join(y.Root+h.link, filepath.Base(p.File)))
		p.Enabled = err == nil || h.link == h.dir
	} else if h.on != "" {
		text, _ := os.ReadFile(y.Root + p.Main) // what cannot be read enables nothing
		p.Enabled = strings.Contains(string(text), filepath.Base(p.File))
	}
	p.Enable = y.steps(p, h, server, s)
	return p
}

// steps are the commands behind the file.
func (y System) steps(p Place, h *home, server string, s Site) (all []string) {
	add := func(command string) { all = append(all, command) }
	debian := strings.HasPrefix(p.File, "/etc/apache2/") && !strings.HasPrefix(p.File, "/etc/apache2/conf.d/")
	switch {
	case server == "apache" && debian:
		add("a2enmod " + strings.Join(s.apacheModules(), " "))
	case h.part && server == "nginx":
		add("# into the server block that it is for: include " + p.File + ";")
	case h.part && server == "caddy":
		add("# into the site's block that it is for: import " + p.File)
	case server == "nginx" && s.Host == "" && strings.Contains(p.File, "sites-available"):
		add("rm -f /etc/nginx/sites-enabled/default  # the other default server")
	case server == "caddy" && s.Host == "":
		add("# take the block of " + fmt.Sprintf(":%d", s.Port) + " out of " + p.Main + ", if there is one")
	}
	if h.on != "" {
		add(fmt.Sprintf(h.on, fileName(s.Name)))
	}
	return append(all, map[string]string{
		"lighttpd": "lighttpd -tt -f " + p.Main,
		"nginx":    "nginx -t",
		"apache":   map[string]string{"apache2": "apachectl -t", "httpd": "httpd -t"}[p.Name],
		"caddy":    "caddy validate --config " + p.Main,
	}[server]+" && "+y.reload(p.Name))
}

// fileName is what lighty-enable-mod and a2enconf take for a name; "+" and "@"
// are none of theirs.
func fileName(name string) string { return strings.NewReplacer("+", "_", "@", "_").Replace(name) }

// madeBy begins the line that has the command.
const madeBy = "# Made by: "

// MadeBy is the command that made a text, "" where it has none.
func MadeBy(text string) string {
	_, line, found := strings.Cut(text, "\n"+madeBy)
	line, _, _ = strings.Cut(line, "\n")
	if !found || !strings.HasPrefix(line, "keepone webserver ") {
		return ""
	}
	return line
}

// command is what makes the text again; Check has seen to its words. say names
// the site to a command of keepone's.
func (s *Site) command(server, say string) string {
	line := "keepone webserver " + server + " " + say
	for _, f := range s.Static {
		line += " --static '" + strings.TrimSuffix(f.URL, "/") + "=" + f.Dir + "'"
	}
	for _, flag := range [][2]string{{"--host", s.Host}, {"--prefix", s.Prefix}, {"--script", s.Script}} {
		if flag[1] != "" {
			line += " " + flag[0] + " '" + flag[1] + "'"
		}
	}
	if s.Port != 80 {
		line += fmt.Sprintf(" --port %d", s.Port)
	}
	return line
}

// Header says, in comments, what the text is, where it belongs and what to do.
func Header(server string, s Site, p Place, say string) string {
	title := map[string]string{"lighttpd": "lighttpd", "nginx": "nginx", "apache": "Apache", "caddy": "Caddy"}[server]
	t := &text{}
	t.line("# What %s hands to %s, kept by keepone: it speaks %s at", title, s.Name, s.Protocol)
	t.line("# %s", s.Socket)
	t.line("%s%s", madeBy, s.command(server, say))
	t.line("# This file is %s", p.File)
	if !p.Known {
		t.line("# (on Debian; here the directory does not exist: put it where %s reads)", title)
	}
	t.line("# Then, as root:")
	for _, step := range p.Enable {
		t.line("#   %s", step)
	}
	return t.String()
}
