package backends

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// webCommand writes the configuration of a web server around the block that the page shows, and returns the command.
func (s *site) webCommand(program, address, block string) []string {
	s.t.Helper()
	need(s.t, "/usr/sbin/"+program, map[string]string{"lighttpd": "lighttpd", "nginx": "nginx-light"}[program])
	file := filepath.Join(s.dir, program+".conf")
	host, port, _ := strings.Cut(address, ":")
	if program == "lighttpd" {
		s.must(os.WriteFile(file, s.lighttpd(host, port, block), 0o644))
		return []string{"/usr/sbin/lighttpd", "-D", "-f", file}
	}
	for _, params := range []string{"fastcgi_params", "scgi_params", "uwsgi_params"} {
		if err := os.Symlink("/etc/nginx/"+params, filepath.Join(s.dir, params)); err != nil && !os.IsExist(err) {
			s.t.Fatal(err)
		}
	}
	s.must(os.WriteFile(file, s.nginx(address, block), 0o644))
	return []string{"/usr/sbin/nginx", "-p", s.dir, "-e", filepath.Join(s.dir, "nginx.log"), "-c", file}
}

func (s *site) lighttpd(host, port, block string) []byte {
	text := fmt.Sprintf("server.document-root = %q\nserver.bind = %q\nserver.port = %s\nserver.max-fds = 4096\n", s.dir+"/site", host, port)
	if name := account(); name != "" {
		text += fmt.Sprintf("server.username = %q\nserver.groupname = %q\n", name, name)
	}
	return []byte(text + block)
}

func (s *site) nginx(address, block string) []byte {
	text, temporary := "", ""
	if name := account(); name != "" {
		text = "user " + name + ";\n"
	}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += fmt.Sprintf("%s_temp_path %s/nginx-%s;\n", kind, s.dir, kind)
	}
	return fmt.Appendf([]byte(text), `daemon off;
worker_processes 1;
error_log %[1]s/nginx.log;
pid %[1]s/nginx.pid;
events { worker_connections 2048; }
http {
access_log off;
%[2]s
server {
listen %[3]s;
%[4]s}
}
`, s.dir, temporary, address, block)
}
