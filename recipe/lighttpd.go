package recipe

import (
	"fmt"
	"path"
	"strings"
)

// lighttpd's modules by protocol: the module, and the option that lists
// backends.
var lighttpdModules = map[string][2]string{
	"fastcgi": {"mod_fastcgi", "fastcgi.server"},
	"http":    {"mod_proxy", "proxy.server"},
	"scgi":    {"mod_scgi", "scgi.server"},
	"uwsgi":   {"mod_scgi", "scgi.server"},
}

// lighttpd: a module that is listed twice is loaded once. Conditions are looked
// at again after a rewrite, so what a URL becomes must meet the same ones.
func (s *Site) lighttpd(t *text) {
	module := lighttpdModules[s.Protocol]
	modules := module[:1:1]
	if len(s.Static) > 0 || s.Script != "" {
		modules = append([]string{"mod_alias"}, modules...)
	}
	static := s.patterns()
	// Beside a site whose script takes every URL: this one's own stay what they are.
	own := (s.Host != "" || s.Prefix != "") && (s.Script == "" || static != "")
	if s.Script != "" || own {
		modules = append([]string{"mod_rewrite"}, modules...)
	}
	t.line(`server.modules += ("%s")`, strings.Join(modules, `", "`))
	open := 0
	in := func(condition string) { t.in("%s {", condition); open++ }
	if s.Host != "" {
		in(fmt.Sprintf(`$HTTP["host"] == %q`, s.Host))
	}
	for _, f := range s.Static {
		if f.star() {
			t.in(`$HTTP["url"] =~ "%s" {`, f.pattern())
			t.line(`server.document-root = "%s"`, f.root())
			t.out("}")
		} else {
			t.line(`alias.url += ("%s" => "%s/")`, f.URL, f.Dir)
		}
	}
	if s.Prefix != "" {
		in(fmt.Sprintf(`$HTTP["url"] =~ "%s"`, s.below()))
	}
	if own {
		t.line("url.rewrite-once = ()")
	}
	if static != "" {
		in(fmt.Sprintf(`$HTTP["url"] !~ "%s"`, static))
	}
	s.lighttpdBackend(t, module[1])
	for range open {
		t.out("}")
	}
}

// patterns is one regular expression of all that is static.
func (s *Site) patterns() string {
	var all []string
	for _, f := range s.Static {
		all = append(all, f.pattern())
	}
	return strings.Join(all, "|")
}

func (s *Site) lighttpdBackend(t *text, option string) {
	extension := "/"
	where := fmt.Sprintf(`"socket" => "%s"`, s.Socket)
	if at, tcp := s.tcp(); tcp {
		where = fmt.Sprintf(`"host" => "%s", "port" => %d`, at.Addr(), at.Port())
	} else if !s.cgi() {
		where = fmt.Sprintf(`"host" => "%s"`, s.Socket)
	}
	if s.Protocol == "uwsgi" {
		t.line(`scgi.protocol = "uwsgi"`)
	}
	switch {
	case s.Script != "":
		name := s.Prefix + "/" + path.Base(s.Script)
		t.line(`alias.url += ("%s" => "%s")`, name, s.Script)
		t.line(`url.rewrite-once = ("^[^?]*(\?.*)?$" => "%s$1")`, name)
		extension = name
	case s.Prefix != "" && s.cgi():
		extension = s.Prefix
		where += `, "check-local" => "disable"`
	case s.cgi(): // SCRIPT_NAME is "", and PATH_INFO the whole path
		where += `, "check-local" => "disable", "fix-root-scriptname" => "enable"`
	}
	set := "="
	if t.depth == 0 { // beside what others hand over, such as Debian's fastcgi-php
		set = "+="
	}
	t.line(`%s %s ("%s" => ((%s)))`, option, set, extension, where)
}
