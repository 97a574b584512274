package recipe

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Two sites that take the same URLs are noticed when the server reads both.
func TestClash(t *testing.T) {
	y := System{Root: t.TempDir()}
	ok(t, os.MkdirAll(y.Root+"/etc/lighttpd/conf-available", 0o755))
	ok(t, os.MkdirAll(y.Root+"/etc/lighttpd/conf-enabled", 0o755))
	put := func(s Site) (file, link string) {
		p := y.Place("lighttpd", s)
		ok(t, os.WriteFile(y.Root+p.File, []byte(Header("lighttpd", s, p, s.Name)), 0o644))
		return p.File, "/etc/lighttpd/conf-enabled/" + filepath.Base(p.File)
	}
	blog := Site{Name: "blog", Protocol: "http", Socket: "/run/keepone/blog/blog.sock", Port: 80}
	expect := func(want string, s Site) {
		t.Helper()
		if got := y.Clash("lighttpd", s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := y.Written("blog"); got != nil {
		t.Errorf("%q is written", got)
	}
	file, link := put(blog)
	expect("", site()) // lighttpd does not read it
	ok(t, os.Symlink("../conf-available/"+filepath.Base(link), y.Root+link))
	expect(link, site())
	if got := y.Written("blog"); !slices.Equal(got, []string{file, link}) {
		t.Errorf("%q is written", got)
	}
	expect("", blog)
	narrow := site()
	narrow.Prefix = "/shop"
	expect("", narrow)
	blog.Host, narrow.Prefix, narrow.Host = "blog.example.org", "", "shop.example.org"
	put(blog)
	expect("", site())
	expect("", narrow)
	narrow.Host = blog.Host
	expect(link, narrow)
	ok(t, os.WriteFile(y.Root+link, []byte("somebody's own\n"), 0o644))
	expect("", narrow)
}
