package scaffold

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fixture makes files, a name and a text each; a text that is "!" is a program.
func fixture(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		file, mode := filepath.Join(dir, name), os.FileMode(0o644)
		if text == "!" {
			mode = 0o755
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), mode)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// rowsTree: what is in a directory, and what is proposed; DIR is the directory.
// All programs are in PATH but what "without" says; of modules there is waitress.
var rowsTree = map[string]struct {
	files   map[string]string
	want    string // the command, then handoff and protocol
	notes   string // a part of them
	missing string // parts of what is missing
}{
	"web2py":           {map[string]string{"web2py.py": "", "fcgihandler.py": "fcgi.WSGIServer(app, bindAddress='/tmp/fcgi.sock').run()"}, "/bin/python3 fcgihandler.py fd0 fastcgi", "fcgihandler.py binds /tmp/fcgi.sock by itself", ""},
	"web2py, new":      {map[string]string{"web2py.py": "", "handlers/fcgihandler.py": "#\n"}, "/bin/python3 fcgihandler.py fd0 fastcgi", "cp DIR/handlers/fcgihandler.py DIR", ""},
	"django":           {map[string]string{"manage.py": `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "conf.settings")`, "conf/wsgi.py": "", "venv/bin/python3": "!"}, "DIR/venv/bin/python3 -c import socket, waitress, conf.wsgi; waitress.serve(conf.wsgi.application, sockets=[socket.socket(fileno=3)]) listen-fds http", "", "django"},
	"django, gunicorn": {map[string]string{"manage.py": "DJANGO_SETTINGS_MODULE", "conf/wsgi.py": "", "venv/bin/python": "!", "venv/bin/gunicorn": "!", "nowaitress": ""}, "DIR/venv/bin/gunicorn conf.wsgi:application listen-fds http", "", "django"},
	"django, asgi":     {map[string]string{"manage.py": "setdefault('DJANGO_SETTINGS_MODULE', 'a.b.settings')", "a/b/asgi.py": ""}, "/bin/uvicorn a.b.wsgi:application --fd 3 listen-fds http", "", "django"},
	"web.py":           {map[string]string{"code.py": "import web\napp = web.application(urls, globals())\nif __name__ == '__main__': app.run()\n"}, "/bin/python3 code.py fastcgi fd0 fastcgi", "", "pip install web.py"},
	"flask":            {map[string]string{"app.py": "from flask import Flask\napp = Flask(__name__)\n"}, "/bin/python3 -c import socket, waitress, app; waitress.serve(app.app, sockets=[socket.socket(fileno=3)]) listen-fds http", "", "pip install flask"},
	"wsgi":             {map[string]string{"wsgi.py": "def application(environ, start):\n  pass\n"}, "/bin/python3 -c import socket, waitress, wsgi; waitress.serve(wsgi.application, sockets=[socket.socket(fileno=3)]) listen-fds http", "", ""},
	"fastapi":          {map[string]string{"main.py": "app = FastAPI()\n"}, "/bin/uvicorn main:app --fd 3 listen-fds http", "", ""},
	"flup":             {map[string]string{"serve.py": "from flup.server.fcgi import WSGIServer\n"}, "/bin/python3 serve.py fd0 fastcgi", "", "pip install flup"},
	"dispatch.fcgi":    {map[string]string{"dispatch.fcgi": "#!/usr/bin/env python3\nfrom flup.server.fcgi import WSGIServer\nWSGIServer(app, bindAddress=('127.0.0.1', 8001)).run()\n"}, "/bin/python3 dispatch.fcgi fd0 fastcgi", "binds 127.0.0.1:8001 by itself", "flup"},
	"php":              {map[string]string{"index.php": ""}, "/bin/php-cgi fd0 fastcgi", "", ""},
	"php, public":      {map[string]string{"public/index.php": "", "package.json": "{}"}, "/bin/php-cgi fd0 fastcgi", "", ""},
	"cgi fast":         {map[string]string{"serve.pl": "use strict;\nuse CGI::Fast;\n"}, "/bin/perl serve.pl fd0 fastcgi", "", "libcgi-fast-perl"},
	"fcgi":             {map[string]string{"a.fcgi": "#!/usr/bin/perl\nuse FCGI;\nFCGI::OpenSocket('/x.sock', 5)"}, "/bin/perl a.fcgi fd0 fastcgi", "", "libfcgi-perl"},
	"psgi":             {map[string]string{"app.psgi": ""}, "/bin/plackup -s Starlet --max-workers 1 app.psgi fd0 http", "", "starlet"},
	"rack":             {map[string]string{"config.ru": ""}, "/bin/puma --bind-to-activated-sockets only --no-config config.ru listen-fds http", "", ""},
	"rack, bundled":    {map[string]string{"config.ru": "", "Gemfile.lock": "  puma (5)", "config/puma.rb": ""}, "/bin/bundle exec puma --bind-to-activated-sockets only config.ru listen-fds http", "", ""},
	"ruby fcgi":        {map[string]string{"app.rb": "require 'fcgi'\n"}, "/bin/ruby app.rb fd0 fastcgi", "", "ruby-fcgi"},
	"node":             {map[string]string{"package.json": `{"scripts": {"start": "node bin/www.js"}}`, "bin/www.js": "app.listen(3000)"}, "/bin/node bin/www.js listen-fds http", "server.listen({ fd: 3 })", ""},
	"node, main":       {map[string]string{"package.json": `{"main": "server.js"}`, "server.js": "server.listen({fd: 3})"}, "/bin/node server.js listen-fds http", "", ""},
	"nothing":          {map[string]string{"README": "", "package.json": "[", "lib.py": "import os"}, "", "", ""},
}

func TestRecognise(t *testing.T) {
	bin := fixture(t, map[string]string{"python3": "!", "php-cgi": "!", "perl": "!", "plackup": "!", "puma": "!", "bundle": "!", "ruby": "!", "node": "!", "uvicorn": "!"})
	for name, row := range rowsTree {
		dir := fixture(t, row.files)
		m := Machine{Path: "relative:" + bin, Run: func(_ string, argv []string) error {
			_, without := row.files["nowaitress"]
			if !without && strings.Contains(argv[len(argv)-1], "waitress") {
				return nil
			}
			return errors.New("no such module")
		}}
		plans := m.Recognise(dir)
		if len(plans) == 0 {
			if row.want != "" {
				t.Errorf("%s: nothing", name)
			}
			continue
		}
		p := plans[0]
		p.Adapt("/run/x.sock")
		local := func(text string) string { return strings.ReplaceAll(text, "DIR", dir) }
		got := strings.ReplaceAll(strings.Join(append(p.Command, p.Handoff, p.Protocol), " "), bin+"/", "/bin/")
		if got != local(row.want) || p.Socket != "/run/x.sock" || p.Directory != dir || p.Name != "shop" {
			t.Errorf("%s: %s at %s in %s, %s", name, got, p.Socket, p.Directory, p.Name)
		}
		if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, local(row.notes)) || row.notes == "" && notes != "" {
			t.Errorf("%s: notes %q", name, notes)
		}
		var missing []string
		for _, n := range m.Missing(p) {
			missing = append(missing, n.String())
		}
		if all := strings.Join(missing, "\n"); !strings.Contains(all, row.missing) || row.missing == "" && all != "" {
			t.Errorf("%s: missing %q", name, all)
		}
	}
	if (Machine{}).Recognise("/nonexistent") != nil {
		t.Error("a directory that is not there")
	}
}

func TestWebUser(t *testing.T) {
	for file, text := range map[string]string{
		"etc/lighttpd/lighttpd.conf":           "#server.username = \"x\"\nserver.username             = \"alice\"\nserver.groupname = \"web\"\n",
		"etc/nginx/nginx.conf":                 "user alice web;\nworker_processes auto;\n",
		"etc/apache2/envvars":                  "export APACHE_RUN_USER=alice\nexport APACHE_RUN_GROUP=web\n",
		"etc/httpd/conf/httpd.conf":            "#User x\nUser alice\nGroup web\n",
		"usr/lib/systemd/system/caddy.service": "[Service]\nUser=alice\nGroup=web\n",
	} {
		root := fixture(t, map[string]string{file: text})
		if a := WebUser(root); a.User != "alice" || a.Group != "web" || a.Why != "/"+file+" says so" {
			t.Errorf("%s: %+v", file, a)
		}
	}
	root := fixture(t, map[string]string{
		"etc/nginx/nginx.conf": "user alice;\n",
		"proc/7/comm":          "nginx\n", "proc/7/status": "Name:\tnginx\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n",
		"proc/8/comm": "nginx\n", "proc/8/status": "Name:\tnginx\nUid:\t77777\t77778\t0\t0\nGid:\t0\t77779\t0\t0\n",
		"proc/9/comm": "bash\n", "proc/9/status": "Uid:\t5\t5\t5\t5\n", "proc/x/comm": "nginx",
	})
	if a := WebUser(root); a.User != "77778" || a.Group != "77779" || !strings.Contains(a.Why, "process 8") {
		t.Errorf("%+v", a)
	}
	for _, text := range []string{"", "user root;\n"} {
		if a := WebUser(fixture(t, map[string]string{"etc/nginx/nginx.conf": text})); a != (Account{}) {
			t.Errorf("%q: %+v", text, a)
		}
	}
}
