package recipe

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func site() Site {
	return Site{Name: "shop+eu", Protocol: "fastcgi", Socket: "/run/keepone/shop/shop.sock", Port: 80}
}

// Each distribution has its own place, and its own way to have it read.
func TestPlaces(t *testing.T) {
	for dirs, want := range map[string][3]string{
		"lighttpd /etc/lighttpd/conf-available":            {"/etc/lighttpd/conf-available/50-keepone-shop_eu.conf", "lighty-enable-mod keepone-shop_eu", "lighttpd -tt -f /etc/lighttpd/lighttpd.conf && service lighttpd reload"},
		"lighttpd /etc/lighttpd/conf.d":                    {"/etc/lighttpd/conf.d/keepone-shop_eu.conf", `echo 'include "/etc/lighttpd/conf.d/keepone-shop_eu.conf"' >> /etc/lighttpd/lighttpd.conf`, "lighttpd -tt -f /etc/lighttpd/lighttpd.conf && service lighttpd reload"},
		"nginx /etc/nginx/conf.d,/etc/nginx/snippets":      {"/etc/nginx/conf.d/keepone-shop_eu.conf", "", "nginx -t && service nginx reload"},
		"nginx /etc/nginx/http.d":                          {"/etc/nginx/http.d/keepone-shop_eu.conf", "", "nginx -t && service nginx reload"},
		"apache /etc/httpd/conf.d":                         {"/etc/httpd/conf.d/keepone-shop_eu.conf", "", "httpd -t && service httpd reload"},
		"apache /etc/apache2/conf-available,/etc/httpd/xx": {"/etc/apache2/conf-available/keepone-shop_eu.conf", "a2enconf keepone-shop_eu", "apachectl -t && service apache2 reload"},
		"caddy /etc/caddy":                                 {"/etc/caddy/keepone-shop_eu.caddy", "echo 'import keepone-shop_eu.caddy' >> /etc/caddy/Caddyfile", "caddy validate --config /etc/caddy/Caddyfile && service caddy reload"},
	} {
		server, all, _ := strings.Cut(dirs, " ")
		y := System{Root: t.TempDir()}
		for dir := range strings.SplitSeq(all, ",") {
			ok(t, os.MkdirAll(y.Root+dir, 0o755))
		}
		p := y.Place(server, site())
		if !p.Known || p.File != want[0] || want[1] != "" && !slices.Contains(p.Enable, want[1]) || p.Enable[len(p.Enable)-1] != want[2] {
			t.Errorf("%s: %+v", dirs, p)
		}
		if p.Enabled != (want[1] == "") {
			t.Errorf("%s: enabled is %v", dirs, p.Enabled)
		}
		ok(t, os.MkdirAll(y.Root+"/etc/lighttpd/conf-enabled", 0o755))
		ok(t, os.MkdirAll(y.Root+"/etc/apache2/conf-enabled", 0o755))
		base := filepath.Base(p.File)
		for _, file := range []string{"lighttpd/lighttpd.conf", "lighttpd/conf-enabled/" + base, "apache2/conf-enabled/" + base, "caddy/Caddyfile"} {
			if info, err := os.Stat(filepath.Dir(y.Root + "/etc/" + file)); err == nil && info.IsDir() {
				ok(t, os.WriteFile(y.Root+"/etc/"+file, []byte(base), 0o644))
			}
		}
		p = y.Place(server, site())
		if left := strings.Join(p.Left(), "\n"); want[1] != "" && strings.Contains(left, want[1]) || !strings.HasSuffix(left, want[2]) || strings.Contains(left, "a2enmod") != strings.Contains(dirs, "apache2") {
			t.Errorf("%s: where it is enabled, %q is left", dirs, left)
		}
		if bare := (System{Root: t.TempDir(), Systemd: true}).Place(server, site()); bare.Known || !strings.Contains(bare.Enable[len(bare.Enable)-1], "systemctl reload") {
			t.Errorf("%s: %+v on a machine without", server, bare)
		}
	}
	host := site()
	host.Host = "shop.example.org"
	y := System{Root: t.TempDir()}
	ok(t, os.MkdirAll(y.Root+"/etc/apache2/sites-available", 0o755))
	ok(t, os.MkdirAll(y.Root+"/etc/apache2/sites-enabled", 0o755))
	if p := y.Place("apache", host); p.File != "/etc/apache2/sites-available/keepone-shop_eu.conf" || p.Enabled {
		t.Errorf("%+v", p)
	}
	ok(t, os.WriteFile(y.Root+"/etc/apache2/sites-enabled/keepone-shop_eu.conf", nil, 0o644))
	if p := y.Place("apache", host); !p.Enabled {
		t.Errorf("%+v", p)
	}
}

// Whatever the words, what Check lets through stays between its quotes: no line
// begins with anything that is not the text's own.
func TestNoInjection(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := site()
		s.Socket = "/" + rapid.String().Draw(r, "socket")
		s.Host = rapid.String().Draw(r, "host")
		s.Script = rapid.SampledFrom([]string{"", "/x.php", "/" + rapid.String().Draw(r, "script")}).Draw(r, "which")
		word := rapid.SampledFrom([]string{"/a=/b", "/*/a=/b/*/a"}).Draw(r, "static") + rapid.String().Draw(r, "more")
		if f, err := ParseStatic(word); err == nil {
			s.Static = []Static{f}
		}
		for _, server := range Servers {
			text, err := Text(server, s)
			if err == nil && (strings.ContainsAny(text, "\r\x00`") || strings.Count(text, `"`)%2 != 0) {
				r.Fatalf("%s: %q", server, text)
			}
		}
	})
}

// A directory means itself in a regular expression, too.
func TestDirectoryMatches(t *testing.T) {
	for _, root := range []string{"/srv/w.2+", "/srv/sites (old)", "/srv/[1]/a|b?^"} {
		f, err := ParseStatic("/*/static=" + root + "/*/static")
		ok(t, err)
		s := site()
		s.Static = []Static{f}
		text, err := Text("apache", s)
		ok(t, err)
		_, line, _ := strings.Cut(text, `<DirectoryMatch "`)
		line, _, _ = strings.Cut(line, `">`)
		if !regexp.MustCompile(line).MatchString(root + "/welcome/static/a.css") {
			t.Errorf("%s: %s", root, line)
		}
	}
}

// A file is whole, or as it was.
func TestWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	refuses := errors.New("no")
	result := map[bool]error{}
	test := func(with bool) error { return result[with] }
	write := func(text string, force bool, want error, now string) {
		t.Helper()
		_, _, err := Write(file, text, force, test)
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%v, want %v", err, want)
		}
		got, _ := os.ReadFile(file)
		if string(got) != now {
			t.Errorf("there is %q, want %q", got, now)
		}
	}
	one, two := Seal("one\n"), Seal("two\n")
	result[true] = refuses
	write(one, false, ErrRefused, "")
	result[true] = nil
	write(one, false, nil, one)
	result[true] = refuses
	write(two, false, ErrRefused, one)
	result[false] = refuses // also without us
	write(two, false, nil, two)
	if _, doubt, _ := Write(file, one, false, test); !errors.Is(doubt, refuses) {
		t.Errorf("doubt is %v", doubt)
	}
	clear(result)
	ok(t, os.WriteFile(file, []byte(one+"mine\n"), 0o644))
	write(two, false, ErrChanged, one+"mine\n")
	write(two, true, nil, two)
	if left, _ := filepath.Glob(filepath.Dir(file) + "/.*"); left != nil {
		t.Errorf("left: %v", left)
	}
	if _, _, err := Write(file+"/none", one, false, test); err == nil {
		t.Error("there is no such directory")
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
