package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// two starts a lighttpd with what keepone webserver prints for two sites.
func two(t *testing.T, first, second *behind, flags ...string) *front {
	t.Helper()
	var both string
	for b, more := range map[*behind][]string{first: nil, second: flags} {
		text, err := printed(b.program("keepone-setup"), append([]string{"webserver", "lighttpd", "-c", b.file, "--run-dir", b.run}, more...)...)
		ok(t, err)
		both += text
	}
	dir := filepath.Join(first.dir, "two")
	ok(t, os.MkdirAll(dir, 0o755))
	f := &front{t: t, ours: filepath.Join(dir, "keepone.conf"), conf: filepath.Join(dir, "main.conf")}
	ok(t, os.WriteFile(f.ours, []byte(both), 0o644))
	for range 5 { // somebody else may take the port first
		port := freePort(t)
		f.url = fmt.Sprintf("http://127.0.0.1:%d", port)
		ok(t, os.WriteFile(f.conf, []byte(mainConf("lighttpd", dir, f.ours, port, both)), 0o644))
		f.running = launch(t, filepath.Join(dir, "log"), installed(t, "lighttpd"), "-D", "-f", f.conf)
		for f.alive() {
			if c, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://")); err == nil {
				c.Close()
				return f
			}
		}
	}
	t.Fatal("cannot start lighttpd")
	return nil
}

// A site below a prefix, or of a name, gets its visitors beside one whose script
// takes every URL; so do its static files.
func TestServedBesideScript(t *testing.T) {
	t.Parallel()
	php := newBehind(t, "", fmt.Sprintf("command = [%q]", installed(t, "php-cgi")))
	php.start()
	app := newBehind(t, "", python("http"))
	app.start()
	f := two(t, php, app, "--prefix", "/app", "--static", "/app/static="+app.dir+"/static")
	f.answers(t, "a prefix", "", map[string]string{"/app/x?a=b": "backend|GET||/app/x|a=b|/app/x?a=b|", "/app/static/a.txt": "from the disk: a.txt"})
	if got := f.get(t, "GET", "/apple", "", ""); !strings.HasSuffix(got, "|/apple|") || strings.HasPrefix(got, "backend|GET||/apple|") {
		t.Errorf("the script's: %q", got)
	}
	f = two(t, php, app, "--host", "app.example.org", "--static", "/static="+app.dir+"/static")
	f.answers(t, "a name", "app.example.org", map[string]string{"/x": "backend|GET||/x||/x|", "/static/a.txt": "from the disk: a.txt"})
}

// The second site that takes every URL is told of the first.
func TestWriteClash(t *testing.T) {
	needsRoot(t)
	t.Parallel()
	installed(t, "lighttpd")
	first, second := newBehind(t, "", python("http")), newBehind(t, "", python("fastcgi"))
	e := newEtc(t, first)
	out, err := e.webserver("lighttpd", "")
	ok(t, err)
	if strings.Contains(out, "takes the same URLs") {
		t.Error(out)
	}
	e.must("/usr/sbin/lighty-enable-mod keepone-" + first.name)
	other := &etc{second, e.dir}
	for flags, want := range map[string]bool{"": true, "--prefix /x": false, "--host x.example.org": false} {
		out, err = other.webserver("lighttpd", flags)
		ok(t, err)
		if strings.Contains(out, "50-keepone-"+first.name+".conf takes the same URLs") != want {
			t.Errorf("%q: %s", flags, out)
		}
	}
}
