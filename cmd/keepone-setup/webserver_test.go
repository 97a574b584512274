package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keepone/recipe"
)

// python is the line of the configuration for site.py.
func python(protocol string) string {
	return fmt.Sprintf("command = [\"/usr/bin/python3\", \"site.py\", %q]\nprotocol = %q", protocol, protocol)
}

// serves starts a site and calls try with each server that speaks its protocol.
func serves(t *testing.T, socket, config string, without []string, try func(*testing.T, *behind, string)) {
	t.Helper()
	b := newBehind(t, socket, config)
	b.start()
	for _, server := range recipe.Servers {
		if !slices.Contains(without, server) {
			t.Run(server, func(t *testing.T) {
				of := *b
				of.T = t
				try(t, &of, server)
			})
		}
	}
}

func (b *behind) static() []string {
	return []string{"--static", "/app/static=" + b.dir + "/static", "--static", "/*/static=" + b.dir + "/apps/*/static"}
}

// What is static comes from the disk, and everything else from the backend,
// which is told its path as a gateway is to tell it; in every protocol.
func TestServed(t *testing.T) {
	for _, protocol := range []string{"fastcgi", "http", "scgi", "uwsgi"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			var without []string
			if protocol == "scgi" || protocol == "uwsgi" {
				without = []string{"caddy"}
			}
			serves(t, "", python(protocol), without, func(t *testing.T, b *behind, server string) {
				f := b.front(server, b.static()...)
				f.answers(t, server, "", map[string]string{
					"/app/static/a.txt":          "from the disk: a.txt",
					"/welcome/static/b.txt":      "from the disk: b.txt",
					"/":                          "backend|GET||/||/|",
					"/welcome/secret.txt?a=b%20": "backend|GET||/welcome/secret.txt|a=b%20|/welcome/secret.txt?a=b%20|",
					"/app/staticx/a.txt":         "backend|GET||/app/staticx/a.txt||/app/staticx/a.txt|",
					"/static/a.txt":              "backend|GET||/static/a.txt||/static/a.txt|",
					"/app/static/none":           "404",
				})
				want := "backend|POST||/form||/form|" + strings.Repeat("x", 1e5)
				if got := f.get(t, http.MethodPost, "/form", "", strings.Repeat("x", 1e5)); got != want {
					t.Errorf("a form: %.200q", got)
				}
			})
		})
	}
}

// A site at an address.
func TestServedTCP(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"fastcgi", "http"} {
		serves(t, fmt.Sprintf("tcp://127.0.0.1:%d", freePort(t)), python(protocol), nil, func(t *testing.T, b *behind, server string) {
			b.front(server).answers(t, server, "", map[string]string{"/x": "backend|GET||/x||/x|"})
		})
	}
}

// A site below a prefix leaves the others alone.
func TestServedPrefix(t *testing.T) {
	t.Parallel()
	for protocol, name := range map[string]string{"fastcgi": "/app|", "http": "|/app"} {
		serves(t, "", python(protocol), nil, func(t *testing.T, b *behind, server string) {
			f := b.front(server, "--prefix", "/app", "--static", "/app/static="+b.dir+"/static")
			f.answers(t, server, "", map[string]string{
				"/app/static/a.txt": "from the disk: a.txt",
				"/app/x":            "backend|GET|" + name + "/x||/app/x|",
				"/app":              "backend|GET|" + name + "||/app|",
				"/apple":            "404",
			})
		})
	}
}

// A site of one name is not that of another.
func TestServedHost(t *testing.T) {
	t.Parallel()
	serves(t, "", python("fastcgi"), []string{"nginx"}, func(t *testing.T, b *behind, server string) { // nginx takes the first server for every name
		f := b.front(server, append(b.static(), "--host", "shop.example.org")...)
		f.answers(t, server, "shop.example.org", map[string]string{
			"/app/static/a.txt":     "from the disk: a.txt",
			"/welcome/static/b.txt": "from the disk: b.txt",
			"/x":                    "backend|GET||/x||/x|",
		})
		if server != "apache" { // likewise
			if got := f.get(t, http.MethodGet, "/x", "other.example.org", ""); strings.HasPrefix(got, "backend") {
				t.Errorf("another name: %q", got)
			}
		}
	})
}

// PHP runs the one script, whatever the URL; also below a prefix.
func TestServedPHP(t *testing.T) {
	t.Parallel()
	serves(t, "", fmt.Sprintf("command = [%q]", installed(t, "php-cgi")), nil, func(t *testing.T, b *behind, server string) {
		f := b.front(server, "--static", "/app/static="+b.dir+"/static")
		f.answers(t, server, "", map[string]string{"/app/static/a.txt": "from the disk: a.txt"})
		for _, path := range []string{"/", "/x/y?a=b&c=%20"} {
			said := strings.Split(f.get(t, http.MethodGet, path, "", ""), "|")
			_, query, _ := strings.Cut(path, "?")
			if len(said) != 7 || said[0] != "backend" || said[4] != query || said[5] != path {
				t.Errorf("%s: %q", path, said)
			}
		}
		if got := f.get(t, http.MethodPost, "/x", "", "body"); !strings.HasSuffix(got, "|body") {
			t.Errorf("a form: %q", got)
		}
		under := b.front(server, "--prefix", "/blog")
		if got := under.get(t, http.MethodGet, "/blog/x?a=b", "", ""); !strings.HasSuffix(got, "|a=b|/blog/x?a=b|") {
			t.Errorf("below a prefix: %q", got)
		}
		if got := under.get(t, http.MethodGet, "/x", "", ""); got != "404" {
			t.Errorf("beside the prefix: %q", got)
		}
	})
}

// What cannot be written is refused.
func TestNotWritten(t *testing.T) {
	b := newBehind(t, "", python("scgi"))
	for _, wrong := range [][]string{
		{"caddy"}, {"thttpd"}, {}, {"nginx", "--static", "/a"}, {"nginx", "--static", "a=/b"}, {"nginx", "--static", "/a=b"}, {"nginx", "--static", "/=/b"},
		{"nginx", "--static", "/*/a=/b"}, {"nginx", "--static", "/a=/b/*"}, {"nginx", "--static", `/a=/b"`}, {"nginx", "--static", "/a;=/b"},
		{"nginx", "--host", "a b"}, {"nginx", "--prefix", "app"}, {"nginx", "--port", "0"}, {"nginx", "--script", "/x.php"}, {"nginx", "--prefix", "/a", "--host", "b"},
	} {
		out, err := printed(b.program("keepone-setup"), append(append([]string{"webserver"}, wrong...), "-c", b.file, "--run-dir", b.run)...)
		if err == nil || !strings.HasPrefix(out, "keepone: cannot ") || !strings.Contains(err.Error(), "exit status 2") {
			t.Errorf("%q: %q %v", wrong, out, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(b.dir, "run/*")); left != nil {
		t.Error(left)
	}
}
