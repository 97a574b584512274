package scaffold

import (
	"slices"
	"strings"
	"testing"
)

// rowsAdapt: what a command becomes. A command of BACKENDS.md stays as it is.
var rowsAdapt = []struct {
	in, out           string
	handoff, protocol string
	socket            string // "" is the given one
}{
	{"/usr/bin/php-cgi -b /run/php.sock", "/usr/bin/php-cgi", "fd0", "fastcgi", "/run/php.sock"},
	{"php-cgi8.2 -b127.0.0.1:9000 -c /etc/php.ini", "php-cgi8.2 -c /etc/php.ini", "fd0", "fastcgi", "tcp://127.0.0.1:9000"},
	{"php-cgi --bindpath=9000", "php-cgi", "fd0", "fastcgi", "tcp://127.0.0.1:9000"},
	{"php-cgi -b [::1]:9000", "php-cgi", "fd0", "fastcgi", "tcp://[::1]:9000"},
	{"/usr/sbin/php-fpm8.2 -F --fpm-config p.conf", "/usr/sbin/php-fpm8.2 --fpm-config p.conf --nodaemonize", "listen-fds", "fastcgi", ""},
	{"gunicorn -D --bind unix:/run/g.sock -w 3 app:application", "gunicorn -w 3 app:application", "listen-fds", "http", "/run/g.sock"},
	{"/srv/venv/bin/python -m gunicorn -b :8000 app", "/srv/venv/bin/python -m gunicorn app", "listen-fds", "http", "tcp://127.0.0.1:8000"},
	{"/srv/venv/bin/python3 /srv/venv/bin/gunicorn -b localhost:8000 app", "/srv/venv/bin/python3 /srv/venv/bin/gunicorn app", "listen-fds", "http", "tcp://127.0.0.1:8000"},
	{"gunicorn app", "gunicorn app", "listen-fds", "http", "tcp://127.0.0.1:8000"},
	{"uvicorn app:asgi --uds /run/u.sock", "uvicorn app:asgi --fd 3", "listen-fds", "http", "/run/u.sock"},
	{"uvicorn app:asgi --port 9000 --host 127.0.0.1", "uvicorn app:asgi --fd 3", "listen-fds", "http", "tcp://127.0.0.1:9000"},
	{"hypercorn app:asgi -b unix:/run/h.sock", "hypercorn app:asgi --bind fd://3", "listen-fds", "http", "/run/h.sock"},
	{"daphne -u /run/d.sock app:asgi", "daphne app:asgi --fd 3", "listen-fds", "http", "/run/d.sock"},
	{"/srv/v/bin/waitress-serve --unix-socket=/run/w.sock --threads=4 --call app:make",
		"/srv/v/bin/python3 -c 'import socket, waitress, app; waitress.serve(app.make(), sockets=[socket.socket(fileno=3)], threads=4)'", "listen-fds", "http", "/run/w.sock"},
	{"uwsgi --plugin python3 -s /run/x.sock --chmod-socket=660 --master --wsgi-file app.py", "uwsgi --die-on-term --plugin python3 --master --wsgi-file app.py --uwsgi-socket fd://0", "fd0", "uwsgi", "/run/x.sock"},
	{"uwsgi --http-socket :8080 --wsgi-file app.py", "uwsgi --wsgi-file app.py --http-socket fd://0", "fd0", "http", "tcp://127.0.0.1:8080"},
	{"bundle exec puma -b unix:///run/p.sock?umask=0111 config.ru", "bundle exec puma --bind-to-activated-sockets only config.ru", "listen-fds", "http", "/run/p.sock"},
	{"unicorn -l /run/u.sock -D config.ru", "unicorn config.ru", "listen-fds", "http", "/run/u.sock"},
	{"starman --listen /run/s.sock --workers 2 app.psgi", "plackup -s Starlet --max-workers 2 app.psgi", "fd0", "http", "/run/s.sock"},
	{"plackup -s FCGI --listen /run/s.sock app.psgi", "plackup -s FCGI app.psgi", "fd0", "fastcgi", "/run/s.sock"},
	{"start_server --path /run/s.sock -- plackup -s Starlet --max-workers 1 app.psgi", "plackup -s Starlet --max-workers 1 app.psgi", "fd0", "http", "/run/s.sock"},
	{"fcgiwrap -c 2 -s unix:/run/f.sock", "fcgiwrap -c 2", "fd0", "fastcgi", "/run/f.sock"},
	{"spawn-fcgi -s /run/f.sock -n -- /usr/sbin/fcgiwrap -c 2", "/usr/sbin/fcgiwrap -c 2", "fd0", "fastcgi", "/run/f.sock"},
	{"spawn-fcgi -a 127.0.0.1 -p 9000 -f '/usr/bin/php-cgi -q'", "/usr/bin/php-cgi -q", "fd0", "fastcgi", "tcp://127.0.0.1:9000"},
	{"spawn-fcgi -s /run/f.sock -- /usr/bin/multiwatch -f 3 -- perl x.pl", "perl x.pl", "fd0", "fastcgi", "/run/f.sock"},
	{"python3 manage.py runfcgi method=threaded socket=/run/d.sock daemonize=true", "python3 manage.py runfcgi method=threaded daemonize=false", "fd0", "fastcgi", "/run/d.sock"},
	{"python3 web2py.py -a secret -i 127.0.0.1 -p 8000", "python3 fcgihandler.py", "fd0", "fastcgi", ""},
	{"/usr/bin/env FLAVOUR=sweet node server.js", "node server.js", "listen-fds", "http", ""},
	{"./goapp", "./goapp", "fd0", "", ""},
}

func TestAdapt(t *testing.T) {
	for _, row := range rowsAdapt {
		words, err := Words(row.in)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := Words(row.out)
		p := &Plan{Command: words, Directory: "/srv/site", runs: true}
		p.Adapt("/run/keepone/x/x.sock")
		if row.socket == "" {
			row.socket = "/run/keepone/x/x.sock"
		}
		if !slices.Equal(p.Command, want) || p.Handoff != row.handoff || p.Protocol != row.protocol || p.Socket != row.socket {
			t.Errorf("%s:\n%q %s %q %s, want\n%q %s %q %s", row.in, p.Command, p.Handoff, p.Protocol, p.Socket, want, row.handoff, row.protocol, row.socket)
		}
		again := *p
		again.Notes, again.Command = nil, slices.Clone(p.Command)
		again.Adapt("/other")
		if !slices.Equal(again.Command, p.Command) || again.Socket != p.Socket || again.Handoff != p.Handoff || again.Protocol != p.Protocol {
			t.Errorf("%s: a second time it becomes %q %s", row.in, again.Command, again.Socket)
		}
	}
}

// What was said is not overruled by what the command binds; what more there is comes along.
func TestAdaptSideEffects(t *testing.T) {
	p := &Plan{Command: []string{"spawn-fcgi", "-s", "/run/a", "-u", "alice", "-g", "web", "-M", "0666", "-U", "lighttpd", "-F", "4", "-C", "2", "--", "php-cgi"}, Socket: "/run/mine", runs: true}
	p.Adapt("/given")
	if p.Socket != "/run/mine" || p.User != "alice" || p.Group != "web" || p.Set["socket.mode"] != `"0666"` || p.Set["socket.owner"] != `"lighttpd"` {
		t.Errorf("%+v", p)
	}
	if len(p.Env) != 1 || p.Env[0] != (Variable{"PHP_FCGI_CHILDREN", "2"}) || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "4 interpreters") {
		t.Errorf("%+v %q", p.Env, p.Notes)
	}
	fpm := &Plan{Command: []string{"php-fpm8.2"}}
	fpm.Adapt("/run/x.sock")
	if len(fpm.Env) != 1 || fpm.Env[0].Value != "/run/x.sock=3" {
		t.Errorf("%+v", fpm.Env)
	}
	fresh := &Plan{Command: []string{"gunicorn", "app"}} // it does not run today
	fresh.Adapt("/run/x.sock")
	if fresh.Socket != "/run/x.sock" {
		t.Error(fresh.Socket)
	}
}

func TestAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"unix:/a/b.sock": "/a/b.sock", "unix:///a/b.sock": "/a/b.sock", "/a//b.sock": "/a/b.sock", "tcp://127.0.0.1:80": "tcp://127.0.0.1:80",
		"http://[::1]:80": "tcp://[::1]:80", "*:80": "tcp://127.0.0.1:80", "0.0.0.0:80": "tcp://127.0.0.1:80", ":80": "tcp://127.0.0.1:80", "80": "tcp://127.0.0.1:80",
		"run/x.sock": "/srv/run/x.sock", "10.0.0.5:80": "tcp://10.0.0.5:80", "@hidden": "", "fd://3": "", "example.org:80": "", "70000": "", "": "", "fe80::1%eth0:3": "",
	} {
		if got := (&Plan{Directory: "/srv"}).address(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
