package e2e

import (
	"fmt"
	"os"
	"path/filepath"
)

// writeWebConfig writes the configuration of the site's web server for a port and returns the command that runs it.
// Every path is answered by the backend; REQUEST_URI carries it, SCRIPT_FILENAME is always echo.php.
func (s *site) writeWebConfig(port int) []string {
	s.t.Helper()
	file := filepath.Join(s.dir, "web.conf")
	if s.plan.front == "lighttpd" {
		s.must(os.WriteFile(file, s.lighttpd(port), 0o644))
		return []string{need(s.t, "lighttpd"), "-D", "-f", file}
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
proxy.server = ("/" => (("host" => %q)))
`, s.socket))
	}
	bin := ""
	if s.plan.bin != "" {
		bin = fmt.Sprintf(`, "bin-path" => %q, "max-procs" => 1, "bin-environment" => ("PHP_FCGI_CHILDREN" => "4")`, s.plan.bin)
	}
	return []byte(text + fmt.Sprintf(`server.modules = ("mod_rewrite", "mod_fastcgi")
url.rewrite-once = ("^/([^?]*)(\?.*)?$" => "/echo.php/$1$2")
fastcgi.server = (".php" => (("socket" => %q%s)))
`, s.socket, bin))
}

func (s *site) nginx(port int) []byte {
	user := ""
	if name, uid := account(); uid >= 0 {
		user = "user " + name + ";"
	}
	upstream, keep := "", ""
	if s.plan.front == "nginx-keepalive" {
		upstream, keep = "keepalive 4;", "fastcgi_keep_conn on;"
	}
	pass := "fastcgi_pass backend;"
	if s.http() {
		pass = "proxy_pass http://backend;"
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
  upstream backend { server unix:%[3]s; %[4]s }
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
`, user, s.dir, s.socket, upstream, port, keep, pass)
}
