package probe

import (
	"strings"
	"testing"
)

func TestNewRefuses(t *testing.T) {
	for want, r := range map[string]Request{
		`"" is no protocol (fastcgi, fastcgi-values, http)`: {},
		`the method "POST" may change something`:            {Protocol: HTTP, Method: "POST"},
		`the path "x" does not begin with a slash`:          {Protocol: HTTP, Path: "x"},
		`the path "/a b" has characters`:                    {Protocol: HTTP, Path: "/a b"},
		`the path "/a\r\nX: y" has characters`:              {Protocol: HTTP, Path: "/a\r\nX: y"},
		`the path "/#a" has characters`:                     {Protocol: HTTP, Path: "/#a"},
		`the path "/é" has characters`:                      {Protocol: FastCGI, Path: "/é"},
		`it ends within an escape`:                          {Protocol: FastCGI, Path: "/%2"},
		`"%zz" is no escape`:                                {Protocol: FastCGI, Path: "/%zz"},
		`"%00" is no escape`:                                {Protocol: FastCGI, Path: "/%00"},
		`"a/b" is no host`:                                  {Protocol: HTTP, Host: "a/b"},
		`"a\nb" is no host`:                                 {Protocol: HTTP, Host: "a\nb"},
		`"x.php" is not the absolute path`:                  {Protocol: FastCGI, Script: "x.php"},
		`a script goes with the protocol fastcgi only`:      {Protocol: HTTP, Script: "/x.php"},
		`may have 1024 bytes each`:                          {Protocol: HTTP, Path: "/" + strings.Repeat("x", 1024)},
	} {
		_, err := New(r)
		expect(t, err, want, "cannot make a probe")
	}
}

func TestVariables(t *testing.T) {
	variables := func(r Request) map[string]string {
		r, err := r.complete()
		must(t, err)
		got := map[string]string{}
		for _, v := range r.variables() {
			got[v[0]] = v[1]
		}
		return got
	}
	check := func(got map[string]string, want ...string) {
		t.Helper()
		for i := 0; i < len(want); i += 2 {
			if value, ok := got[want[i]]; !ok || value != want[i+1] {
				t.Errorf("%s is %q, expected %q", want[i], value, want[i+1])
			}
		}
	}
	check(variables(Request{Protocol: FastCGI, Path: "/a%20b?x=%20", Host: "example.org:8080"}),
		"SCRIPT_NAME", "", "PATH_INFO", "/a b", "QUERY_STRING", "x=%20", "REQUEST_URI", "/a%20b?x=%20",
		"SERVER_NAME", "example.org", "SERVER_PORT", "8080", "HTTP_HOST", "example.org:8080", "REQUEST_METHOD", "GET")
	check(variables(Request{Protocol: FastCGI, Host: "[::1]"}), "SERVER_NAME", "[::1]", "SERVER_PORT", "80", "PATH_INFO", "/")
	php := variables(Request{Protocol: FastCGI, Method: "HEAD", Path: "/ping.php", Script: "/srv/www/ping.php"})
	check(php, "SCRIPT_NAME", "/ping.php", "SCRIPT_FILENAME", "/srv/www/ping.php", "DOCUMENT_ROOT", "/srv/www", "REQUEST_METHOD", "HEAD")
	if _, ok := php["PATH_INFO"]; ok {
		t.Error("a script got a PATH_INFO")
	}
}
