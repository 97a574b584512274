package backends

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A row is one backend. What it is made of stands in BACKENDS.md under its name.
type row struct {
	name     string // of its block and in the tables
	program  string // a file that it needs; a pattern; "" where the test builds it
	packages string // Debian's that bring it, the one with its version first
	front    string // the web servers' block, where that is not the protocol's
	fails    string // the columns that are known to be "no"; the steps after "served" are then left out
	note     string
}

var rows = []row{
	{name: "php-cgi", program: "/usr/bin/php-cgi", packages: "php8.2-cgi", front: "php",
		note: "ends by itself after 500 requests; nobody notices"},
	{name: "php-cgi with children", program: "/usr/bin/php-cgi", packages: "php8.2-cgi", front: "php",
		note: "killed alone, the leader leaves its children serving; keepone ends them"},
	{name: "php-fpm", program: "/usr/sbin/php-fpm8.2", packages: "php8.2-fpm", front: "php",
		note: "finds the socket by its path in `FPM_SOCKETS`"},
	{name: "Python in threads", program: "/usr/bin/python3", packages: "python3",
		note: "as flup does it: SIGTERM drops what is in flight, and the drain leaves nothing to drop"},
	{name: "CGI::Fast", program: "/usr/share/perl5/CGI/Fast.pm", packages: "libcgi-fast-perl",
		note: "a request at a time"},
	{name: "FCGI::ProcManager", program: "/usr/share/perl5/FCGI/ProcManager.pm", packages: "libfcgi-procmanager-perl libfcgi-perl",
		note: "three processes"},
	{name: "Ruby fcgi", program: "/usr/lib/ruby/vendor_ruby/fcgi.rb", packages: "ruby-fcgi ruby",
		note: "`ready.by = \"settle\"`: it dies of a connection without a request"},
	{name: "fcgiwrap", program: "/usr/sbin/fcgiwrap", packages: "fcgiwrap", front: "cgi",
		note: "`-c N` for N requests at a time"},
	{name: "uwsgi, fastcgi", program: "/usr/lib/uwsgi/plugins/python3_plugin.so", packages: "uwsgi-core uwsgi-plugin-python3",
		note: "exits with status 30 at SIGTERM"},
	{name: "uwsgi, uwsgi", program: "/usr/lib/uwsgi/plugins/python3_plugin.so", packages: "uwsgi-core uwsgi-plugin-python3",
		note: "the same"},
	{name: "uwsgi, scgi", program: "/usr/lib/uwsgi/plugins/python3_plugin.so", packages: "uwsgi-core uwsgi-plugin-python3",
		note: "the same"},
	{name: "uwsgi, http", program: "/usr/lib/uwsgi/plugins/python3_plugin.so", packages: "uwsgi-core uwsgi-plugin-python3",
		note: "the same"},
	{name: "uwsgi with a master", program: "/usr/lib/uwsgi/plugins/python3_plugin.so", packages: "uwsgi-core uwsgi-plugin-python3",
		note: "without `--die-on-term` SIGTERM is a reload; takes two seconds to exit"},
	{name: "Go, fastcgi",
		note: "`fcgi.Serve(nil, h)` is descriptor 0"},
	{name: "Go, http",
		note: "`net.FileListener` on descriptor 3"},
	{name: "gunicorn", program: "/usr/bin/gunicorn", packages: "gunicorn",
		note: "two processes; listen(2048)"},
	{name: "uvicorn", program: "/usr/bin/uvicorn", packages: "uvicorn",
		note: "listen(2048)"},
	{name: "hypercorn", program: "/usr/bin/hypercorn", packages: "python3-hypercorn",
		note: "listen(100)"},
	{name: "waitress", program: "/usr/lib/python3/dist-packages/waitress/__init__.py", packages: "python3-waitress",
		note: "by its API, for its command can bind only; listen(1024)"},
	{name: "Puma", program: "/usr/bin/puma", packages: "puma",
		note: "looks for the socket by its name, unless told to take what it is given"},
	{name: "Unicorn", program: "/usr/bin/unicorn", packages: "unicorn",
		note: "two processes; listen(1024)"},
	{name: "Node.js", program: "/usr/bin/node", packages: "nodejs",
		note: "listen(511)"},
	{name: "Starlet", program: "/usr/share/perl5/Plack/Handler/Starlet.pm", packages: "starlet libplack-perl",
		note: "finds the socket by `SERVER_STARTER_PORT`; two processes"},
	{name: "Starman", program: "/usr/bin/starman", packages: "starman", fails: "served",
		note: "its Net::Server takes every inherited socket for TCP: use Starlet"},
}

// need fails a test whose programs are not installed.
func need(t *testing.T, program, packages string) {
	t.Helper()
	if found, err := filepath.Glob(program); err != nil || len(found) == 0 {
		t.Fatalf("%s is not installed: apt-get install --no-install-recommends %s", program, packages)
	}
}

// version is the one that Debian's package has, without what Debian adds to it.
func (r row) version() string {
	if r.program == "" {
		return strings.TrimPrefix(runtime.Version(), "go")
	}
	name, _, _ := strings.Cut(r.packages, " ")
	text, _ := os.ReadFile("/var/lib/dpkg/status") // another system has none
	_, entry, _ := strings.Cut("\n"+string(text), "\nPackage: "+name+"\n")
	_, entry, _ = strings.Cut(entry, "\nVersion: ")
	upstream, _, _ := strings.Cut(entry, "\n")
	if _, after, ok := strings.Cut(upstream, ":"); ok {
		upstream = after
	}
	if i := strings.IndexAny(upstream, "+-~"); i >= 0 {
		upstream = upstream[:i]
	}
	return upstream
}
