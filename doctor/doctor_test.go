package doctor

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Whatever a web server prints, reading it ends, and without a panic.
func FuzzConfigurations(f *testing.F) {
	for _, text := range []string{
		`fastcgi.server = ("/" => (("socket" => "/s", "read-timeout" => 5,),),)`, `((()))) "`, `"\`, "}{;;{",
		"# configuration file /etc/nginx/nginx.conf:\nhttp { upstream u { server unix:/s; keepalive 1; } location / { fastcgi_pass u; } }",
		`{"upstreams": [{"dial": "unix//s"}], "transport": {"protocol": "fastcgi", "read_timeout": 1e99}}`, `[{"upstreams": 1}]`,
		"ProxyPass / unix:/s|fcgi://x/ timeout= disablereuse",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w := wiring{file: filepath.Join(t.TempDir(), "f")}
		w.lighttpd(text)
		nginxBackends(text)
		caddyBackends(text)
		for line := range strings.Lines(text) {
			if said := words(line, "<>"); len(said) > 1 {
				apacheLine(said, "f")
			}
		}
	})
}

// nginx's ways to say a backend.
func TestNginxTargets(t *testing.T) {
	for pass, want := range map[string]backend{
		"fastcgi_pass unix:/s;":                              {target: "/s", protocol: "fastcgi", patience: time.Minute},
		"proxy_pass http://unix:/s:/app/;":                   {target: "/s", protocol: "http", patience: time.Minute},
		"proxy_pass http://127.0.0.1:8000/app;":              {target: "127.0.0.1:8000", protocol: "http", patience: time.Minute},
		"uwsgi_pass \"unix:/s\"; uwsgi_read_timeout 1m30s;":  {target: "/s", protocol: "uwsgi", patience: 90 * time.Second},
		"scgi_read_timeout 2d; scgi_pass unix:/s;":           {target: "/s", protocol: "scgi", patience: 48 * time.Hour},
		"fastcgi_pass up; fastcgi_read_timeout 90; # }{":     {target: "/u", protocol: "fastcgi", patience: 90 * time.Second},
		"fastcgi_pass unix:/s; uwsgi_read_timeout 90;":       {target: "/s", protocol: "fastcgi", patience: time.Minute},
		"if ($x) { set $y \"};\"; } fastcgi_pass unix:/s; #": {target: "/s", protocol: "fastcgi", patience: time.Minute},
	} {
		all := nginxBackends("http { upstream up { server unix:/u; }\nserver { location / {\n" + pass + "\n} } }")
		if len(all) != 1 || all[0].target != want.target || all[0].protocol != want.protocol || all[0].patience != want.patience {
			t.Errorf("%s: %+v", pass, all)
		}
	}
}

// The command that sets a key does so in whatever file, and once.
func TestEdit(t *testing.T) {
	for text, want := range map[string]string{
		"[backend]\na = 1\n": "[backend]\na = 1\n\n[socket]\ngroup = \"www\"\n",
		"[socket]\npath = \"/s\"\n[backend]\ngroup = \"x\"\n":        "[socket]\ngroup = \"www\"\npath = \"/s\"\n[backend]\ngroup = \"x\"\n",
		"[backend]\ngroup = \"x\"\n[ socket ]\n group=\"y\" # why\n": "[backend]\ngroup = \"x\"\n[ socket ]\ngroup = \"www\"\n",
		"[socket] # comment\n# group = 1\n":                          "[socket] # comment\ngroup = \"www\"\n# group = 1\n",
	} {
		file := filepath.Join(t.TempDir(), "a b.toml")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			out, err := exec.Command("sh", "-ec", edit(file, "socket", "group", `"www"`)).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		if got, _ := os.ReadFile(file); string(got) != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	file := filepath.Join(t.TempDir(), "inline.toml")
	if err := os.WriteFile(file, []byte("socket.path = \"/s\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := edit(file, "socket", "group", `"www"`); got != "" {
		t.Errorf("a dotted key: %s", got)
	}
}

// What names a site in somebody's line.
func TestStarts(t *testing.T) {
	python := &Patient{Site: Site{Command: []string{"/usr/bin/python3", "-u", "fcgi.py"}, Directory: "/srv/w", Socket: "/run/s"}}
	php := &Patient{Site: Site{Command: []string{"/usr/bin/php-cgi"}, Directory: "/srv/p", Socket: "/run/php.sock"}}
	own := &Patient{Site: Site{Command: []string{"/srv/g/app"}, Directory: "/srv/g", Socket: "/run/g.sock"}}
	module := &Patient{Site: Site{Command: []string{"/usr/bin/gunicorn", "app:application"}, Directory: "/srv/m", Socket: "/run/m.sock"}}
	for _, c := range []struct {
		p    *Patient
		text string
		want int
	}{
		{python, "python3 /srv/w/fcgi.py &", 1}, {python, "\ncd /srv/w && nohup python fcgi.py &", 2}, {python, "#python3 /srv/w/fcgi.py", 0},
		{python, "cd /srv/other; python3 fcgi.py", 0}, {python, "keepone run -- python3 /srv/w/fcgi.py", 0}, {python, "vi /srv/w/fcgi.py.orig", 0},
		{php, "spawn-fcgi -s /run/php.sock -- /usr/bin/php-cgi", 1}, {php, "/usr/bin/php-cgi -b /run/other.sock", 0},
		{own, "su www -c '/srv/g/app &'", 1}, {own, "/srv/h/app", 0}, {module, "gunicorn app:application", 0},
	} {
		if got := c.p.starts(c.text); got != c.want {
			t.Errorf("%q of %q: line %d, want %d", c.text, c.p.Site.Command, got, c.want)
		}
	}
}

// A title of nginx's is read as its command line.
func TestTitled(t *testing.T) {
	p := process{argv: titled([]string{"nginx: master process /usr/sbin/nginx -c /x.conf -g daemon on;"})}
	if got := p.option("-c"); got != "/x.conf" {
		t.Errorf("%q", got)
	}
	if got := p.option("-p"); got != "" {
		t.Errorf("%q", got)
	}
}

// Another site's part counts where the web server hands over to this one.
func TestClash(t *testing.T) {
	p := &Patient{Site: Site{Socket: "/run/keepone/a/a.sock", Protocol: "http"}, Clash: "another takes the same URLs"}
	count := func(target string) (n int) {
		for _, one := range p.wired(&wiring{file: "f"}, []backend{{target: target, protocol: "http"}}) {
			if one.Check == "clash" && one.Level == Error && one.Text == p.Clash {
				n++
			}
		}
		return n
	}
	if with, without := count("/run/keepone/a/a.sock"), count("/run/keepone/b/b.sock"); with != 1 || without != 0 {
		t.Errorf("%d with the wiring, %d without", with, without)
	}
}

// A process of a unit is reloaded by its unit's name.
func TestInUnit(t *testing.T) {
	for text, want := range map[string]bool{
		"0::/system.slice/lighttpd.service\n":                                           true,
		"12:pids:/x\n1:name=systemd:/system.slice/lighttpd.service\n0::/\n":             true,
		"0::/user.slice/user-0.slice/session-1.scope\n":                                 false,
		"0::/system.slice/lighttpd.service.d/x\n0::/system.slice/my-lighttpd.service\n": false,
		"": false,
	} {
		if got := inUnit(text, "lighttpd"); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
