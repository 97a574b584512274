package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// writeWebConfig writes the configuration of the site's web server for a port and returns the command that runs it.
// Every path is answered by the backend; REQUEST_URI carries it, SCRIPT_FILENAME is always echo.php.
func (s *site) writeWebConfig(port int) []string {
	s.t.Helper()
	file := filepath.Join(s.dir, "web.conf")
	switch program(s.plan.front) {
	case "lighttpd":
		s.must(os.WriteFile(file, s.lighttpd(port), 0o644))
		return []string{need(s.t, "lighttpd"), "-D", "-f", file}
	case "apache2":
		s.must(os.WriteFile(file, s.apache(port), 0o644))
		return []string{need(s.t, "apache2"), "-D", "FOREGROUND", "-f", file}
	}
	s.must(os.WriteFile(file, s.nginx(port), 0o644))
	return []string{need(s.t, "nginx"), "-p", s.dir, "-e", s.path("web.error"), "-c", file}
}

func (s *site) http() bool { return s.plan.settings["backend.protocol"] == "http" }

func (s *site) lighttpd(port int) []byte {
	text := fmt.Sprintf(`server.document-root = "%[1]s"
server.port = %[2]d
server.bind = "127.0.0.1"
server.errorlog = "%[1]s/var/web.error"
server.max-fds = 4096
`, s.dir, port)
	if name, uid := account(); uid >= 0 {
		text += fmt.Sprintf("server.username = %q\nserver.groupname = %q\n", name, name)
	}
	if s.http() {
		return []byte(text + fmt.Sprintf(`server.modules = ("mod_proxy")
proxy.server = ("/" => (%s))
`, s.lighttpdServer("host")))
	}
	bin := ""
	if s.plan.bin != "" {
		bin = fmt.Sprintf(`, "bin-path" => %q, "max-procs" => 1, "bin-environment" => ("PHP_FCGI_CHILDREN" => "4")`, s.plan.bin)
	}
	return []byte(text + fmt.Sprintf(`server.modules = ("mod_rewrite", "mod_fastcgi")
url.rewrite-once = ("^/([^?]*)(\?.*)?$" => "/echo.php/$1$2")
fastcgi.server = (".php" => (%s))
`, strings.TrimSuffix(s.lighttpdServer("socket"), ")")+bin+")"))
}

// lighttpdServer is the backend; key is what the module calls a socket's path.
func (s *site) lighttpdServer(key string) string {
	if at, tcp := s.tcp(); tcp {
		return fmt.Sprintf(`("host" => %q, "port" => %d)`, at.Addr(), at.Port())
	}
	return fmt.Sprintf("(%q => %q)", key, s.socket)
}

func (s *site) nginx(port int) []byte {
	user := ""
	if name, uid := account(); uid >= 0 {
		user = "user " + name + ";"
	}
	upstream, keep, server, to := "", "", "unix:"+s.socket, "backend"
	if at, tcp := s.tcp(); tcp {
		server, to = at.String(), at.String()
	}
	if s.plan.front == "nginx-keepalive" {
		to = "backend"
		upstream, keep = "keepalive 4;", "fastcgi_keep_conn on; proxy_http_version 1.1; proxy_set_header Connection '';"
	}
	pass := "fastcgi_pass " + to + ";"
	if s.http() {
		pass = "proxy_pass http://" + to + ";"
	}
	return fmt.Appendf(nil, `%[1]s
daemon off;
worker_processes 1;
error_log %[2]s/var/web.error;
pid %[2]s/web.pid;
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path %[2]s/nginx-body;
  proxy_temp_path %[2]s/nginx-proxy;
  fastcgi_temp_path %[2]s/nginx-fastcgi;
  uwsgi_temp_path %[2]s/nginx-uwsgi;
  scgi_temp_path %[2]s/nginx-scgi;
  upstream backend { server %[3]s; %[4]s }
  server {
    listen 127.0.0.1:%[5]d;
    location / {
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param SCRIPT_FILENAME %[2]s/echo.php;
      %[6]s
      %[7]s
    }
  }
}
`, user, s.dir, server, upstream, port, keep, pass)
}
