package recipe

// nginxNames are nginx's prefixes of directives, and what its variables are
// called where the request is sent.
var nginxNames = map[string]string{"fastcgi": "fastcgi", "http": "proxy", "scgi": "scgi", "uwsgi": "uwsgi"}

// nginx: a prefix is part of somebody's server block; else the block is ours.
func (s *Site) nginx(t *text) {
	if s.Prefix != "" {
		s.nginxLocations(t)
		return
	}
	t.in("server {")
	suffix, name := " default_server", "_"
	if s.Host != "" {
		suffix, name = "", s.Host
	}
	t.line("listen %d%s;", s.Port, suffix)
	if s.IPv6 {
		t.line("listen [::]:%d%s;", s.Port, suffix)
	}
	t.line("server_name %s;", name)
	t.line("# client_max_body_size 32m;  # nginx refuses uploads of more than 1 MB by itself")
	s.nginxLocations(t)
	t.out("}")
}

func (s *Site) nginxLocations(t *text) {
	for _, f := range s.Static {
		if f.star() {
			t.in("location ~ %s {", f.pattern())
			t.line(`root "%s";`, f.root())
		} else {
			t.in("location ^~ %s {", f.URL)
			t.line(`alias "%s/";`, f.Dir)
		}
		t.out("}")
	}
	if s.Prefix != "" {
		t.in("location ~ %s {", s.below())
	} else {
		t.in("location / {")
	}
	name := nginxNames[s.Protocol]
	if s.cgi() {
		s.nginxVariables(t, name)
	} else {
		t.line("proxy_set_header Host $host;")
		t.line("proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;")
		t.line("proxy_set_header X-Forwarded-Proto $scheme;")
	}
	t.line("%s_read_timeout %ds;  # a restart at its worst, and some", name, s.seconds())
	t.line("%s_pass %s;", name, s.nginxTarget())
	t.out("}")
}

func (s *Site) nginxTarget() string {
	scheme := ""
	if !s.cgi() {
		scheme = "http://"
	}
	if at, tcp := s.tcp(); tcp {
		return scheme + at.String()
	}
	return `"` + scheme + "unix:" + s.Socket + `"`
}

// nginxVariables are those of RFC 3875, and what else nginx's own files have.
// They are written out, for a file of params is one more thing that may differ,
// and a name that is sent twice has two values.
func (s *Site) nginxVariables(t *text, name string) {
	script, path := `""`, "$document_uri"
	switch {
	case s.Script != "":
		script, path = `"`+s.Prefix+"/"+base(s.Script)+`"`, `""`
	case s.Prefix != "" && s.Protocol == "fastcgi":
		t.line("fastcgi_split_path_info ^(%s)(.*)$;", expression(s.Prefix))
		script, path = "$fastcgi_script_name", "$fastcgi_path_info"
	}
	for _, v := range [][2]string{
		{"QUERY_STRING", "$query_string"}, {"REQUEST_METHOD", "$request_method"}, {"CONTENT_TYPE", "$content_type"},
		{"CONTENT_LENGTH", "$content_length"}, {"SCRIPT_NAME", script}, {"PATH_INFO", path}, {"REQUEST_URI", "$request_uri"},
		{"DOCUMENT_URI", "$document_uri"}, {"DOCUMENT_ROOT", "$document_root"}, {"SERVER_PROTOCOL", "$server_protocol"},
		{"REQUEST_SCHEME", "$scheme"}, {"HTTPS", "$https if_not_empty"}, {"GATEWAY_INTERFACE", "CGI/1.1"},
		{"SERVER_SOFTWARE", "nginx/$nginx_version"}, {"REMOTE_ADDR", "$remote_addr"}, {"REMOTE_PORT", "$remote_port"},
		{"SERVER_ADDR", "$server_addr"}, {"SERVER_PORT", "$server_port"}, {"SERVER_NAME", "$host"},
	} {
		t.line("%s_param %s %s;", name, v[0], v[1])
	}
	switch {
	case s.Script != "":
		t.line(`fastcgi_param SCRIPT_FILENAME "%s";`, s.Script)
		t.line("fastcgi_param REDIRECT_STATUS 200;  # php-cgi wants it")
	case s.Protocol == "scgi":
		t.line("scgi_param SCGI 1;")
	}
}
