package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A front is a real web server that includes what keepone webserver printed.
type front struct {
	*running
	t    *testing.T
	conf string // its own configuration
	ours string // what keepone webserver printed
	url  string
}

// front starts one; flags are those of keepone webserver.
func (b *behind) front(server string, flags ...string) *front {
	b.Helper()
	program := installed(b.T, map[string]string{"apache": "apache2"}[server]+map[bool]string{true: server}[server != "apache"])
	dir, err := os.MkdirTemp(b.dir, server)
	ok(b.T, err)
	ok(b.T, os.Chmod(dir, 0o755))
	for range 5 { // somebody else may take the port first
		port := freePort(b.T)
		text, err := printed(b.program("keepone-setup"), append([]string{"webserver", server, "-c", b.file, "--run-dir", b.run, "--port", strconv.Itoa(port)}, flags...)...)
		ok(b.T, err)
		ours := filepath.Join(dir, "keepone.conf")
		ok(b.T, os.WriteFile(ours, []byte(text), 0o644))
		f := &front{t: b.T, ours: ours, conf: filepath.Join(dir, "main.conf"), url: fmt.Sprintf("http://127.0.0.1:%d", port)}
		ok(b.T, os.WriteFile(f.conf, []byte(mainConf(server, dir, ours, port, text)), 0o644))
		argv := map[string][]string{
			"lighttpd": {"-D", "-f", f.conf},
			"nginx":    {"-e", filepath.Join(dir, "error.log"), "-c", f.conf},
			"apache":   {"-D", "FOREGROUND", "-f", f.conf},
			"caddy":    {"run", "--adapter", "caddyfile", "--config", f.conf},
		}[server]
		f.running = launch(b.T, filepath.Join(dir, "log"), program, argv...)
		for f.alive() {
			if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
				c.Close()
				return f
			}
		}
	}
	b.Fatalf("cannot start %s", server)
	return nil
}

// mainConf is the least that a server wants around the text.
func mainConf(server, dir, ours string, port int, text string) string {
	user, group := "", ""
	if os.Geteuid() == 0 {
		user, group = account(), account()
	}
	alone := strings.Contains(text, "\nserver {") || strings.Contains(text, fmt.Sprintf("\n:%d {", port)) || strings.Contains(text, fmt.Sprintf(":%d {\n", port))
	switch server {
	case "lighttpd":
		conf := fmt.Sprintf("server.document-root = %q\nserver.bind = \"127.0.0.1\"\nserver.port = %d\nserver.modules = (\"mod_access\")\n", dir, port)
		if user != "" {
			conf += fmt.Sprintf("server.username = %q\nserver.groupname = %q\n", user, group)
		}
		return conf + fmt.Sprintf("include %q\nserver.modules += (\"mod_staticfile\")\n", ours)
	case "nginx":
		include := fmt.Sprintf("include %s;", ours)
		if !alone {
			include = fmt.Sprintf("server { listen 127.0.0.1:%d; root %s; %s }", port, dir, include)
		}
		if user != "" {
			user = "user " + user + ";\n"
		}
		return fmt.Sprintf(`%[1]sdaemon off;
pid %[2]s/pid;
events {}
http {
access_log off;
client_body_temp_path %[2]s/body; proxy_temp_path %[2]s/proxy; fastcgi_temp_path %[2]s/fastcgi; uwsgi_temp_path %[2]s/uwsgi; scgi_temp_path %[2]s/scgi;
%[3]s
}
`, user, dir, include)
	case "caddy":
		if !alone {
			return fmt.Sprintf("{\nadmin off\n}\n:%d {\nroot * %s\nimport %s\nfile_server\n}\n", port, dir, ours)
		}
		return fmt.Sprintf("{\nadmin off\n}\nimport %s\n", ours)
	}
	return apacheConf(dir, ours, user, port)
}

func apacheConf(dir, ours, user string, port int) string {
	text := fmt.Sprintf("ServerRoot %q\nServerName localhost\nListen 127.0.0.1:%d\nPidFile %[1]s/pid\nDefaultRuntimeDir %[1]s\nMutex file:%[1]s\nErrorLog %[1]s/log\n", dir, port)
	if user != "" {
		text += fmt.Sprintf("User %[1]s\nGroup %[1]s\n", user)
	}
	for _, m := range []string{"mpm_event", "authz_core", "alias", "setenvif", "proxy", "proxy_http", "proxy_fcgi", "proxy_scgi", "proxy_uwsgi"} {
		text += fmt.Sprintf("LoadModule %s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", m)
	}
	return text + fmt.Sprintf("DocumentRoot %q\n<Directory %q>\nRequire all granted\n</Directory>\nInclude %q\n", dir, dir, ours)
}

// get returns the body, and the status where it is not 200.
func (f *front) get(t *testing.T, method, path, host, body string) string {
	t.Helper()
	r, err := http.NewRequest(method, f.url+path, strings.NewReader(body))
	ok(t, err)
	r.Host = host
	answer, err := http.DefaultTransport.RoundTrip(r)
	ok(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ok(t, err)
	if answer.StatusCode != http.StatusOK {
		return fmt.Sprint(answer.StatusCode)
	}
	return string(text)
}

// answers demands bodies for paths.
func (f *front) answers(t *testing.T, what, host string, want map[string]string) {
	t.Helper()
	for path, body := range want {
		if got := f.get(t, http.MethodGet, path, host, ""); got != body {
			t.Errorf("%s: %s: %q, want %q", what, path, got, body)
		}
	}
}

const sigusr1 = syscall.SIGUSR1

// tries is a request that may fail: "".
func tries(url string) string {
	answer, err := http.Get(url)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body) // half an answer is another one
	return string(text)
}
