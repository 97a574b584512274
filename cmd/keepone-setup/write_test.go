package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An etc is a copy of the web servers' configuration, which commands see in
// place of the machine's.
type etc struct {
	*behind
	dir string
}

func newEtc(t *testing.T, b *behind) *etc {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a copy of /etc")
	}
	e := &etc{b, filepath.Join(b.dir, "etc")}
	out, err := printed("cp", "-a", "/etc", e.dir)
	if err != nil {
		t.Fatal(out, err)
	}
	return e
}

// sh runs a script in a mount namespace where /etc is the copy.
func (e *etc) sh(script string) (string, error) {
	return printed("unshare", "--mount", "--propagation", "private", "sh", "-ec", "mount --bind "+e.dir+" /etc\n"+script)
}

func (e *etc) must(script string) string {
	e.Helper()
	out, err := e.sh(script)
	ok(e.T, err)
	return out
}

// webserver is keepone webserver there.
func (e *etc) webserver(server, flags string) (string, error) {
	return e.sh(fmt.Sprintf("exec %s webserver %s -c %s --run-dir %s --write %s", e.program("keepone-setup"), server, e.file, e.run, flags))
}

// leftToDo are those that are left to do, without the reload of a server that
// does not run.
func leftToDo(out string) (all []string) {
	_, after, _ := strings.Cut(out, "next, as root:\n")
	for line := range strings.Lines(after) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " && ")
		if line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

// What is written is what Debian's own tools enable, and the server reads it
// then.
func TestWrite(t *testing.T) {
	for server, c := range map[string]struct{ program, file, prepare, shown string }{
		"lighttpd": {"lighttpd", "/etc/lighttpd/conf-available/50-keepone-%s.conf", "", "lighttpd -p -f /etc/lighttpd/lighttpd.conf"},
		"nginx":    {"nginx", "/etc/nginx/sites-available/keepone-%s", "", "nginx -T"},
		"apache":   {"a2enconf", "/etc/apache2/conf-available/keepone-%s.conf", "echo ServerName localhost >> /etc/apache2/apache2.conf", "apachectl -t -D DUMP_INCLUDES; cat /etc/apache2/conf-enabled/*"},
		"caddy":    {"caddy", "/etc/caddy/keepone-%s.caddy", ": > /etc/caddy/Caddyfile", "caddy adapt --config /etc/caddy/Caddyfile"},
	} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			installed(t, c.program)
			e := newEtc(t, newBehind(t, "", python("fastcgi")))
			e.must(c.prepare)
			file := fmt.Sprintf(c.file, e.name)
			out, err := e.webserver(server, "--static /s="+e.behind.dir+"/static")
			if err != nil || !strings.Contains(out, "wrote "+file) || strings.Contains(out, "warning") {
				t.Fatalf("%v\n%s", err, out)
			}
			todo := leftToDo(out)
			if len(todo) < 2 {
				t.Fatal(out)
			}
			for _, command := range todo {
				e.must(command)
			}
			if shown := e.must(c.shown); !strings.Contains(shown, e.socket) {
				t.Errorf("the server does not read it:\n%s", shown)
			}
			e.rewritten(server, file)
		})
	}
}

// rewritten writes once more: the same, something else, and over a change.
func (e *etc) rewritten(server, file string) {
	e.Helper()
	out, err := e.webserver(server, "--static /s="+e.behind.dir+"/static")
	left := 1 // the reload
	if server == "apache" {
		left = 2 // the modules, too: another protocol takes others
	}
	if err != nil || !strings.Contains(out, "is as it should be") || len(leftToDo(out)) != left {
		e.Errorf("the same: %v\n%s", err, out)
	}
	if out, err = e.webserver(server, "--static /other="+e.behind.dir+"/static"); err != nil || !strings.Contains(out, "wrote") {
		e.Errorf("another: %v\n%s", err, out)
	}
	e.must("echo '# mine' >> " + file)
	if out, err = e.webserver(server, ""); err == nil || !strings.Contains(out, "somebody changed it") || !strings.Contains(out, "--force") {
		e.Errorf("changed: %v\n%s", err, out)
	}
	if text := e.must("cat " + file); !strings.HasSuffix(text, "# mine\n") || !strings.Contains(text, "/other/") {
		e.Errorf("the change is gone:\n%s", text)
	}
	if out, err = e.webserver(server, "--force"); err != nil || strings.Contains(e.must("cat "+file), "mine") {
		e.Errorf("by force: %v\n%s", err, out)
	}
}

// What the server's own test refuses is taken back, and what is broken without
// us is said to be.
func TestWriteRefused(t *testing.T) {
	installed(t, "nginx")
	e := newEtc(t, newBehind(t, "", python("fastcgi")))
	file := "/etc/nginx/sites-available/keepone-" + e.name
	e.must("mkdir -p /etc/nginx/sites-enabled; echo 'server { listen 80 default_server; }' > /etc/nginx/sites-enabled/default")
	_, err := e.webserver("nginx", "--host a.example.org")
	ok(t, err)
	e.must("ln -s " + file + " /etc/nginx/sites-enabled/")
	before := e.must("cat " + file)
	out, err := e.webserver("nginx", "")
	if err == nil || !strings.Contains(out, "duplicate default server") || !strings.Contains(out, "own test refuses it") {
		t.Errorf("a second default server: %v\n%s", err, out)
	}
	if after := e.must("cat " + file); after != before {
		t.Errorf("it is not taken back:\n%s", after)
	}
	e.must("rm /etc/nginx/sites-enabled/keepone-*; echo 'nonsense;' >> /etc/nginx/nginx.conf")
	if out, err = e.webserver("nginx", "--host b.example.org"); err != nil || strings.Contains(out, "warning") {
		t.Errorf("not read by it: %v\n%s", err, out)
	}
	e.must("ln -s " + file + " /etc/nginx/sites-enabled/")
	if out, err = e.webserver("nginx", "--host c.example.org"); err != nil || !strings.Contains(out, "nonsense") || !strings.Contains(out, "warning") {
		t.Errorf("broken without us: %v\n%s", err, out)
	}
	if text := e.must("cat " + file); !strings.Contains(text, "c.example.org") {
		t.Errorf("it is not there:\n%s", text)
	}
	if out, err = e.sh("rm -r /etc/nginx; exec " + e.program("keepone-setup") + " webserver nginx --write -c " + e.file); err == nil || !strings.Contains(out, "there is no /etc/nginx/sites-available") {
		t.Errorf("no nginx: %v\n%s", err, out)
	}
}
