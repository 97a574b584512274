package recipe

import (
	"fmt"
	"strings"
)

// apache: with a host it is a virtual host, else it holds for all of them.
func (s *Site) apache(t *text) {
	if s.Host != "" {
		if s.Port != 80 {
			t.line("# Apache must listen there, too: Listen %d", s.Port)
		}
		t.in("<VirtualHost *:%d>", s.Port)
		t.line("ServerName %s", s.Host)
	}
	for _, f := range s.Static {
		s.apacheStatic(t, f)
	}
	switch s.Protocol {
	case "fastcgi":
		s.apacheVariables(t)
	case "scgi":
		t.line("SetEnvIf Request_URI . proxy-scgi-pathinfo=1")
	}
	// One failure is not to shut the backend out for a minute, and a connection
	// is for one request.
	options := fmt.Sprintf("disablereuse=On retry=0 timeout=%d", s.seconds())
	switch {
	case s.Script != "":
		t.line(`ProxyPassMatch "^%s(/.*)?$" "%s" %s`, expression(s.Prefix), s.apacheTarget(s.Script), options)
	case s.Prefix != "": // matches /app and /app/x, and not /apple
		t.line(`ProxyPass "%s" "%s" %s`, s.Prefix, s.apacheTarget(s.Prefix), options)
	default:
		t.line(`ProxyPass "/" "%s" %s`, s.apacheTarget("/"), options)
	}
	if s.Protocol == "http" {
		t.line("ProxyPreserveHost On")
	}
	if s.Host != "" {
		t.out("</VirtualHost>")
	}
}

func (s *Site) apacheStatic(t *text, f Static) {
	if !f.star() {
		t.line(`ProxyPass "%s" "!"`, f.URL)
		t.line(`Alias "%s" "%s/"`, f.URL, f.Dir)
		t.in(`<Directory "%s">`, f.Dir)
	} else {
		matched := strings.Replace(expression(f.URL), `\*`, "([^/]+)", 1)
		t.line(`ProxyPassMatch "%s" "!"`, f.pattern())
		t.line(`AliasMatch "^%s(.*)$" "%s$2"`, matched, f.root()+strings.Replace(f.URL, "*", "$1", 1))
		t.in(`<DirectoryMatch "^%s%s">`, expression(f.root()), strings.TrimPrefix(strings.TrimSuffix(f.pattern(), "/"), "^")+"(/|$)")
	}
	t.line("Options FollowSymLinks")
	t.line("AllowOverride None")
	t.line("Require all granted")
	if f.star() {
		t.out("</DirectoryMatch>")
	} else {
		t.out("</Directory>")
	}
}

// apacheVariables: what is for php-fpm is not for all. Without a script
// SCRIPT_NAME is the prefix, and PATH_INFO the rest.
func (s *Site) apacheVariables(t *text) {
	t.line("ProxyFCGIBackendType GENERIC")
	if s.Script != "" {
		return
	}
	t.line(`ProxyFCGISetEnvIf "true" SCRIPT_NAME "%s"`, s.Prefix)
	t.line(`ProxyFCGISetEnvIf "%%{REQUEST_URI} =~ m#^%s(.*)$#" PATH_INFO "$1"`, expression(s.Prefix))
}

// apacheTarget is where a request goes; what follows the address of FastCGI is
// SCRIPT_FILENAME.
func (s *Site) apacheTarget(path string) string {
	scheme := map[string]string{"fastcgi": "fcgi"}[s.Protocol]
	if scheme == "" {
		scheme = s.Protocol
	}
	if at, tcp := s.tcp(); tcp {
		return scheme + "://" + at.String() + path
	}
	return "unix:" + s.Socket + "|" + scheme + "://localhost" + path
}

// apacheModules are those that the text needs, without "mod_".
func (s *Site) apacheModules() []string {
	var all []string
	if len(s.Static) > 0 {
		all = append(all, "alias")
	}
	if s.Protocol == "scgi" {
		all = append(all, "setenvif")
	}
	name := map[string]string{"fastcgi": "fcgi"}[s.Protocol]
	if name == "" {
		name = s.Protocol
	}
	return append(all, "proxy", "proxy_"+name)
}
