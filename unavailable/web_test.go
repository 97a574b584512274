package unavailable

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// A front is a real web server before the socket. Each passes every path on.
type front struct {
	program, name, protocol string
	config                  func(s *site, f front, port int) string
	pass                    string // nginx: how a location passes requests on
	upstream                string // nginx: more for the upstream
	sized                   bool   // it refuses chunked bodies itself, with 411
}

const params = `_param REQUEST_METHOD $request_method; %[1]s_param REQUEST_URI $request_uri;
 %[1]s_param CONTENT_LENGTH $content_length; %[1]s_param SERVER_PROTOCOL $server_protocol;
`

func nginxParams(protocol string) string {
	return protocol + fmt.Sprintf(params, protocol) + protocol + "_pass backend;\n"
}

var fronts = []front{
	{program: "lighttpd", name: "lighttpd fastcgi", protocol: "fastcgi", config: lighttpd,
		pass: `server.modules = ("mod_fastcgi")
fastcgi.server = ("/" => (("socket" => %q, "check-local" => "disable")))`},
	{program: "lighttpd", name: "lighttpd fastcgi streaming", protocol: "fastcgi", config: lighttpd,
		pass: `server.modules = ("mod_fastcgi")
server.stream-request-body = 2
fastcgi.server = ("/" => (("socket" => %q, "check-local" => "disable")))`, sized: true},
	{program: "lighttpd", name: "lighttpd scgi", protocol: "scgi", config: lighttpd,
		pass: `server.modules = ("mod_scgi")
scgi.server = ("/" => (("socket" => %q, "check-local" => "disable")))`},
	{program: "lighttpd", name: "lighttpd http", protocol: "http", config: lighttpd,
		pass: `server.modules = ("mod_proxy")
proxy.server = ("/" => (("host" => %q)))`},
	{program: "nginx", name: "nginx fastcgi", protocol: "fastcgi", config: nginx, pass: nginxParams("fastcgi")},
	{program: "nginx", name: "nginx fastcgi keepalive", protocol: "fastcgi", config: nginx,
		pass: nginxParams("fastcgi") + "fastcgi_keep_conn on;", upstream: "keepalive 4;"},
	{program: "nginx", name: "nginx fastcgi keepalive unbuffered", protocol: "fastcgi", config: nginx,
		pass: nginxParams("fastcgi") + "fastcgi_keep_conn on; fastcgi_buffering off;", upstream: "keepalive 4;"},
	{program: "nginx", name: "nginx fastcgi streaming", protocol: "fastcgi", config: nginx,
		pass: nginxParams("fastcgi") + "fastcgi_request_buffering off;"},
	{program: "nginx", name: "nginx scgi", protocol: "scgi", config: nginx, pass: nginxParams("scgi")},
	{program: "nginx", name: "nginx uwsgi", protocol: "uwsgi", config: nginx, pass: nginxParams("uwsgi")},
	{program: "nginx", name: "nginx uwsgi streaming", protocol: "uwsgi", config: nginx,
		pass: nginxParams("uwsgi") + "uwsgi_request_buffering off;"},
	{program: "nginx", name: "nginx http", protocol: "http", config: nginx, pass: "proxy_pass http://backend;"},
	{program: "nginx", name: "nginx http keepalive", protocol: "http", config: nginx, upstream: "keepalive 4;",
		pass: `proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off;`},
}

// account is whom the web server runs as: root would not do for lighttpd.
func account() string {
	if os.Getuid() == 0 {
		if _, err := user.Lookup("www-data"); err == nil {
			return "www-data"
		}
	}
	return ""
}

func lighttpd(s *site, f front, port int) string {
	text := fmt.Sprintf("server.document-root = %q\nserver.port = %d\nserver.bind = \"127.0.0.1\"\nserver.errorlog = \"%s/var/log\"\nserver.upload-dirs = (\"%[1]s/var\")\n",
		s.dir, port, s.dir)
	if name := account(); name != "" {
		text += fmt.Sprintf("server.username = %q\nserver.groupname = %q\n", name, name)
	}
	return text + fmt.Sprintf(f.pass, s.path) + "\n"
}

func nginx(s *site, f front, port int) string {
	text := ""
	if name := account(); name != "" {
		text = "user " + name + ";\n"
	}
	text += "daemon off;\nworker_processes 1;\nevents { worker_connections 2048; }\nhttp {\naccess_log off; client_max_body_size 0;\n"
	text += fmt.Sprintf("error_log %s/var/log; client_body_temp_path %[1]s/var/body;\n", s.dir)
	for _, p := range []string{"proxy", "fastcgi", "scgi", "uwsgi"} {
		text += fmt.Sprintf("%s_temp_path %s/var/%[1]s;\n", p, s.dir)
	}
	text += fmt.Sprintf("upstream backend { server unix:%s; %s }\n", s.path, f.upstream)
	return text + fmt.Sprintf("server { listen 127.0.0.1:%d; location / { %s } }\n}\n", port, f.pass)
}

// serve starts the web server and returns its address.
func (s *site) serve(f front) string {
	s.Helper()
	program := filepath.Join("/usr/sbin", f.program)
	if _, err := os.Stat(program); err != nil {
		s.Skipf("%s is not installed", f.program)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	s.must(os.Mkdir(filepath.Join(s.dir, "var"), 0o777))
	s.must(os.Chmod(filepath.Join(s.dir, "var"), 0o777))
	file := filepath.Join(s.dir, "conf")
	s.must(os.WriteFile(file, []byte(f.config(s, f, port)), 0o644))
	cmd := exec.Command(program, "-D", "-f", file)
	if f.program == "nginx" {
		cmd = exec.Command(program, "-p", s.dir, "-e", filepath.Join(s.dir, "var/log"), "-c", file, "-g", "pid "+s.dir+"/pid;")
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	s.must(cmd.Start())
	s.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt) // nginx ends its children then, and at once
		cmd.Wait()
		if s.Failed() {
			log, _ := os.ReadFile(filepath.Join(s.dir, "var/log"))
			s.Logf("%s said %q and logged\n%s", f.program, said.String(), log)
		}
	})
	address := "127.0.0.1:" + strconv.Itoa(port)
	for range 3000 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.Fatalf("%s does not listen; it said %q", f.program, said.String())
	return ""
}

// browse asks the web server and wants the page.
func browse(method, url string, body io.Reader, chunked bool) error {
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		return err
	}
	if chunked {
		request.ContentLength = -1
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(request)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	want := text
	if method == http.MethodHead {
		want = nil
	}
	if err != nil || res.StatusCode != 503 || res.Header.Get("Retry-After") != "17" || !bytes.Equal(got, want) {
		return fmt.Errorf("%s: %s, %v, %q, %v", method, res.Status, res.Header, got, err)
	}
	return nil
}

// Behind a real web server every browser sees the page, whatever it asked for:
// never a 502, never a 500. Those who came before the process are served, too.
func TestWebServers(t *testing.T) {
	for _, f := range fronts {
		t.Run(f.name, func(t *testing.T) {
			s := newSite(t)
			url := "http://" + s.serve(f) + "/a/page?b=c"
			early := make(chan error)
			go func() { early <- browse("GET", url, nil, false) }()
			st := s.open(page(f.protocol))
			s.must(<-early)
			large := bytes.Repeat([]byte("a body\n"), 1<<20/7+1)
			for range 5 {
				s.must(browse("GET", url, nil, false))
				s.must(browse("HEAD", url, nil, false))
				s.must(browse("POST", url, bytes.NewReader(large), false))
				s.must(browse("POST", url, bytes.NewReader(large), !f.sized))
			}
			many := make(chan error)
			for i := range 200 {
				go func() {
					if i%10 == 0 {
						many <- browse("POST", url, bytes.NewReader(large), false)
					} else {
						many <- browse("GET", url, nil, false)
					}
				}()
			}
			for i := range 200 {
				if err := <-many; err != nil {
					t.Error(err)
				}
				if i == 20 { // another process follows in the middle of it
					s.close(st)
					st = s.open(page(f.protocol))
				}
			}
			s.close(st)
		})
	}
}
