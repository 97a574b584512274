package recipe

import "path"

func base(file string) string { return path.Base(file) }

// caddy: a prefix is part of somebody's site block; else the block is ours.
func (s *Site) caddy(t *text) {
	if s.Prefix != "" {
		s.caddyRoutes(t)
		return
	}
	switch {
	case s.Host == "":
		t.in(":%d {", s.Port)
	case s.Port == 80: // Caddy fetches a certificate, and leads from port 80 to 443
		t.in("%s {", s.Host)
	default:
		t.in("http://%s:%d {", s.Host, s.Port)
	}
	s.caddyRoutes(t)
	t.out("}")
}

func (s *Site) caddyRoutes(t *text) {
	for _, f := range s.Static {
		if f.star() {
			t.line("@%s path_regexp %s", matcher(f), f.pattern())
			t.in("handle @%s {", matcher(f))
			t.line(`root * "%s"`, f.root())
		} else {
			t.in("handle_path %s* {", f.URL)
			t.line(`root * "%s"`, f.Dir)
		}
		t.line("file_server")
		t.out("}")
	}
	if s.Prefix != "" {
		t.line("@backend path_regexp backend ^%s(/.*)?$", expression(s.Prefix))
		t.in("handle @backend {")
	} else {
		t.in("handle {")
	}
	t.in(`reverse_proxy "%s" {`, s.caddyTarget())
	s.caddyTransport(t)
	t.out("}")
	t.out("}")
}

// matcher is a name for what a URL with "*" matches.
func matcher(f Static) string {
	name := []byte("static")
	for _, c := range []byte(f.URL) {
		if c == '/' || c == '*' || c == '~' {
			c = '_'
		}
		name = append(name, c)
	}
	return string(name)
}

func (s *Site) caddyTarget() string {
	if at, tcp := s.tcp(); tcp {
		return at.String()
	}
	return "unix/" + s.Socket
}

// caddyTransport: of HTTP no connection is kept, and FastCGI's never are.
func (s *Site) caddyTransport(t *text) {
	if !s.cgi() {
		t.in("transport http {")
		t.line("keepalive off")
		t.out("}")
		return
	}
	t.in("transport fastcgi {")
	t.line("read_timeout %ds", s.seconds())
	switch {
	case s.Script != "":
		t.line(`env SCRIPT_FILENAME "%s"`, s.Script)
		t.line(`env SCRIPT_NAME "%s/%s"`, s.Prefix, base(s.Script))
		t.line(`env PATH_INFO ""`)
	case s.Prefix != "":
		t.line(`env SCRIPT_NAME "%s"`, s.Prefix)
		t.line(`env PATH_INFO "{http.regexp.backend.1}"`)
	default:
		t.line(`env SCRIPT_NAME ""`)
		t.line(`env PATH_INFO "{http.request.uri.path}"`)
	}
	t.out("}")
}
