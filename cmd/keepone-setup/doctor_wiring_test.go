package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keepone/doctor"
)

// broken is a site with a web server whose configuration the test changes.
func broken(t *testing.T, config, server string, flags ...string) (*visit, *front) {
	t.Helper()
	needsRoot(t)
	b := newBehind(t, "", config)
	b.start()
	f := b.front(server, flags...)
	return b.visit(f), f
}

// A web server that gives up before a restart is over answers 504.
func TestDoctorTimeout(t *testing.T) {
	t.Parallel()
	for server, change := range map[string][2]string{
		"lighttpd": {`"check-local"`, `"read-timeout" => 10, "check-local"`},
		"nginx":    {"fastcgi_read_timeout 105s;", "fastcgi_read_timeout 10s;"},
		"apache":   {"timeout=105", "timeout=10"},
	} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			v, f := broken(t, python("fastcgi"), server)
			v.edit(f.ours, change[0], change[1])
			v.mends(doctor.Warning, "timeout", "10s", "1m40s", "504")
			if !f.alive() {
				t.Error("it does not outlive what mends it")
			}
			f.answers(t, server, "", map[string]string{"/x": "backend|GET||/x||/x|"})
		})
	}
}

// Without a word of its own it has that of the server.
func TestDoctorDefaultTimeout(t *testing.T) {
	t.Parallel()
	for server, change := range map[string][3]string{
		"nginx":  {"fastcgi_read_timeout 105s;", "", "fastcgi_read_timeout is 1m0s"},
		"apache": {"timeout=105", "", "Timeout is 1m0s"},
	} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			v, f := broken(t, python("fastcgi"), server)
			v.edit(f.ours, change[0], change[1])
			v.mends(doctor.Warning, "timeout", change[2])
		})
	}
	t.Run("caddy", func(t *testing.T) {
		v, f := broken(t, python("fastcgi"), "caddy")
		v.edit(f.ours, "read_timeout 105s", "read_timeout 20s")
		v.finds(doctor.Warning, "timeout", "read_timeout is 20s")
	})
	t.Run("handler", func(t *testing.T) { // a SetHandler has no options
		v, f := broken(t, python("fastcgi"), "apache")
		text, err := os.ReadFile(f.ours)
		ok(t, err)
		_, pass, _ := strings.Cut(string(text), "\nProxyPass ")
		v.edit(f.ours, "\nProxyPass "+pass, "\n<FilesMatch \".\">\nSetHandler \"proxy:unix:"+v.socket+"|fcgi://localhost/\"\n</FilesMatch>\n")
		v.mends(doctor.Warning, "timeout", "Timeout is 1m0s")
	})
}

// The nearest word is the one that counts: ProxyTimeout before Timeout, and the
// server's block before what is around it.
func TestDoctorTimeoutAround(t *testing.T) {
	t.Parallel()
	v, f := broken(t, python("fastcgi"), "apache")
	v.edit(f.ours, "timeout=105", "")
	v.edit(f.conf, "Listen", "ProxyTimeout 300\nTimeout 10\nListen")
	if got := v.of("timeout"); got != nil {
		t.Error(got)
	}
	v, f = broken(t, python("fastcgi"), "nginx")
	v.edit(f.ours, "fastcgi_read_timeout 105s;", "")
	v.edit(f.ours, "server_name", "fastcgi_read_timeout 5m; server_name")
	v.edit(f.conf, "access_log off;", "access_log off; fastcgi_read_timeout 1s;")
	if got := v.of("timeout"); got != nil {
		t.Error(got)
	}
}

// A bin-path at our socket is a second interpreter.
func TestDoctorBinPath(t *testing.T) {
	t.Parallel()
	for _, change := range []string{`"bin-path" => "/usr/bin/php-cgi", "max-procs" => 1, "check-local"`, "\n\"bin-path\" => \"/usr/bin/php-cgi\",\n\"check-local\""} {
		v, f := broken(t, python("fastcgi"), "lighttpd")
		other := filepath.Join(v.dir, "var/other") // another site's, which lighttpd does start
		ok(t, os.Mkdir(filepath.Dir(other), 0o777))
		ok(t, os.Chmod(filepath.Dir(other), 0o777))
		ok(t, os.WriteFile(other, []byte("#!/bin/sh\nexec php-cgi\n"), 0o755))
		v.edit(f.ours, `"check-local"`, change)
		v.edit(f.conf, "include ", "# bin-path in a comment\nfastcgi.server = (\".php\" => ((\"socket\" => \""+other+".socket\", \"bin-path\" => \""+other+"\")))\ninclude ")
		put(t, f.conf, "fastcgi.server", "server.modules += (\"mod_fastcgi\")\nfastcgi.server")
		v.mends(doctor.Error, "bin-path", "an interpreter of its own")
		text, err := os.ReadFile(f.conf)
		ok(t, err)
		if !strings.Contains(string(text), `"bin-path" => "`+other+`"`) {
			t.Errorf("another's bin-path is gone:\n%s", text)
		}
	}
}

func put(t *testing.T, file, from, to string) {
	t.Helper()
	(&visit{behind: &behind{T: t}}).edit(file, from, to)
}

// The wrong protocol, kept connections, and a configuration that does not load.
func TestDoctorWiring(t *testing.T) {
	t.Parallel()
	v, f := broken(t, python("http"), "nginx")
	v.edit(f.ours, "server {", "upstream kept { server \"unix:"+v.socket+"\"; keepalive 4; }\nserver {")
	v.edit(f.ours, `proxy_pass "http://unix:`+v.socket+`"`, `proxy_pass http://kept`)
	v.finds(doctor.Warning, "kept", "keepalive in upstream kept")
	v.edit(f.ours, "proxy_pass http://kept", "fastcgi_pass kept")
	v.finds(doctor.Error, "wiring", "it speaks fastcgi", "the backend http")
	v.edit(f.ours, "fastcgi_pass kept", `fastcgi_pass unix:/run/other.sock`)
	one := v.finds(doctor.Error, "wiring", "does not hand over to "+v.socket, "only to /run/other.sock")
	if !strings.HasPrefix(one.Fix, "keepone webserver nginx "+v.name+" -c "+v.file) || !strings.Contains(one.Fix, "--write && ") {
		t.Error(one.Fix)
	}
	v.edit(f.ours, "server {", "servir {")
	v.finds(doctor.Error, "configuration", "unknown directive", "servir")
}

// Apache keeps connections to HTTP unless it is told not to.
func TestDoctorKeptByApache(t *testing.T) {
	t.Parallel()
	v, f := broken(t, python("http"), "apache")
	v.edit(f.ours, "disablereuse=On ", "")
	v.finds(doctor.Warning, "kept", "disablereuse=On")
	v, f = broken(t, python("http"), "caddy")
	v.edit(f.ours, "keepalive off", "keepalive 30s")
	v.finds(doctor.Warning, "kept", "keepalive off")
}

// A path through a link is the same socket.
func TestDoctorLink(t *testing.T) {
	t.Parallel()
	v, f := broken(t, python("fastcgi"), "lighttpd")
	link := filepath.Join(v.dir, "link")
	ok(t, os.Symlink(v.run, link))
	v.edit(f.ours, `=> "`+v.socket, `=> "`+link+"/"+filepath.Base(v.socket))
	for _, check := range []string{"wiring", "timeout"} {
		if got := v.of(check); got != nil {
			t.Error(got)
		}
	}
}

// The whole command that doctor prints has Debian's lighttpd hand over.
func TestDoctorWires(t *testing.T) {
	needsRoot(t)
	t.Parallel()
	b := newBehind(t, "", python("fastcgi"))
	b.start()
	e := newEtc(t, b)
	port := freePort(t)
	conf := filepath.Join(e.dir, "lighttpd/lighttpd.conf")
	put(t, conf, "server.port                 = 80", fmt.Sprintf("server.port = %d\nserver.bind = \"127.0.0.1\"", port))
	put(t, conf, `include_shell "/usr/share/lighttpd/use-ipv6.pl " + server.port`, "")
	put(t, conf, "/run/lighttpd.pid", b.dir+"/pid")
	put(t, conf, "/var/log/lighttpd/error.log", b.dir+"/error.log")
	ok(t, os.WriteFile(b.dir+"/error.log", nil, 0o666))
	ok(t, os.Chmod(b.dir+"/error.log", 0o666)) // whatever the umask
	web := launch(t, filepath.Join(b.dir, "log"), "/usr/bin/unshare", "--mount", "--propagation", "private", "sh", "-ec",
		"mount --bind "+e.dir+" /etc; exec lighttpd -D -f /etc/lighttpd/lighttpd.conf")
	eventually(t, "lighttpd is www-data", func() bool {
		out, _ := printed("ps", "-o", "user=", "-p", fmt.Sprint(web.cmd.Process.Pid))
		return strings.TrimSpace(out) == "www-data"
	})
	v := &visit{behind: b, server: web.cmd.Process.Pid, inside: "mount --bind " + e.dir + " /etc"}
	v.mends(doctor.Error, "wiring", "/etc/lighttpd/lighttpd.conf", "does not hand over to "+b.socket)
	ok(t, web.cmd.Process.Signal(sigusr1))
	f := &front{running: web, t: t, url: fmt.Sprintf("http://127.0.0.1:%d", port)}
	eventually(t, "it serves", func() bool { return tries(f.url+"/x") == "backend|GET||/x||/x|" })
}
