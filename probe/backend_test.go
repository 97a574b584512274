package probe

import (
	"os/exec"
	"path/filepath"
	"testing"
)

func script(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	must(t, err)
	return path
}

// ask asks the backend at path once.
func ask(t *testing.T, path string, r Request) error {
	t.Helper()
	return newProbe(t, r).Ask(within(t), connect(t, path))
}

func TestPHP(t *testing.T) {
	path := backend(t, "php-cgi")
	page := script(t, "page.php")
	fast := Request{Protocol: FastCGI, Path: "/page.php", Script: page}
	expect(t, ask(t, path, fast))
	fast.Method = "HEAD"
	expect(t, ask(t, path, fast))
	fast.Method, fast.Path = "", "/page.php?status=503"
	expect(t, ask(t, path, fast), "the status is 503")
	fast.Path = "/page.php?to=/elsewhere"
	fast.Status, _ = ParseStatuses("302")
	expect(t, ask(t, path, fast))
	fast.Path, fast.Status = "/page.php?fatal=overboard", Statuses{}
	expect(t, ask(t, path, fast), "the status is 500", "FCGI_STDERR", "overboard")
	fast.Path, fast.Script = "/page.php", page+".gone"
	expect(t, ask(t, path, fast), "the status is 404")
	expect(t, ask(t, path, Request{Protocol: FastCGIValues}))
	expect(t, ask(t, path, Request{Protocol: FastCGIValues}))
}

func TestPython(t *testing.T) {
	path := backend(t, "/usr/bin/python3", script(t, "responder.py"))
	expect(t, ask(t, path, Request{Protocol: FastCGI, Path: "/ok"}))
	expect(t, ask(t, path, Request{Protocol: FastCGI, Path: "/bytes"}))
	expect(t, ask(t, path, Request{Protocol: FastCGI, Path: "/quit"}), "closed without an answer")
	expect(t, ask(t, path, Request{Protocol: FastCGI, Method: "HEAD", Path: "/to%6cd?a=b%20c", Host: "example.org"}),
		"the status is 500", "PATH_INFO=/told QUERY_STRING=a=b%20c REQUEST_METHOD=HEAD SCRIPT_NAME= SERVER_NAME=example.org")
	expect(t, ask(t, path, Request{Protocol: FastCGIValues}))
}

// libfcgi answers FCGI_GET_VALUES only once it sees a byte after it. Each of
// these serves one connection at a time, so that the page also shows that the
// backend is free again.
func TestValuesOfLibfcgi(t *testing.T) {
	t.Run("CGI::Fast", func(t *testing.T) {
		if exec.Command("perl", "-MCGI::Fast", "-e1").Run() != nil {
			t.Skip("there is no CGI::Fast")
		}
		valuesBetweenPages(t, backend(t, "perl", script(t, "fast.pl")), Request{Protocol: FastCGI})
	})
	t.Run("fcgiwrap", func(t *testing.T) {
		valuesBetweenPages(t, backend(t, "fcgiwrap"), Request{Protocol: FastCGI, Path: "/page.cgi", Script: script(t, "page.cgi")})
	})
}

func valuesBetweenPages(t *testing.T, path string, page Request) {
	t.Helper()
	for range 3 {
		expect(t, ask(t, path, page))
		expect(t, ask(t, path, Request{Protocol: FastCGIValues}))
	}
}
