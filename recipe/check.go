package recipe

import (
	"fmt"
	"path"
	"strings"
)

// Check refuses what would mean something else in one of the configurations.
func (s *Site) Check() error {
	_, tcp := s.tcp()
	switch {
	case !tcp && (!strings.HasPrefix(s.Socket, "/") || !plain(s.Socket)):
		return fmt.Errorf("cannot write for the socket %q: its path must be absolute, %s", s.Socket, plainly)
	case s.Host != "" && strings.Trim(strings.ToLower(s.Host), "abcdefghijklmnopqrstuvwxyz0123456789.-") != "":
		return fmt.Errorf("cannot write for the host %q: letters, digits, dots and dashes make its name", s.Host)
	case s.Port < 1 || s.Port > 65535:
		return fmt.Errorf("cannot write for port %d: there are 1 to 65535", s.Port)
	case s.Prefix != "" && (!isURL(s.Prefix) || strings.HasSuffix(s.Prefix, "/") || strings.Contains(s.Prefix, "*")):
		return fmt.Errorf("cannot write for the prefix %q: it is like /app, without a slash at its end", s.Prefix)
	case s.Prefix != "" && s.Host != "":
		return fmt.Errorf("cannot write for the prefix %s and the host %s at once: put the text for the prefix where you have that host", s.Prefix, s.Host)
	case s.Script != "" && (s.Protocol != "fastcgi" || !path.IsAbs(s.Script) || !plain(s.Script)):
		return fmt.Errorf("cannot write for the script %q: it is for FastCGI, and has an absolute path, %s", s.Script, plainly)
	}
	for _, f := range s.Static {
		if err := f.check(); err != nil {
			return err
		}
	}
	return nil
}

// ParseStatic reads "/URL=DIR".
func ParseStatic(word string) (Static, error) {
	url, dir, found := strings.Cut(word, "=")
	if !found || dir == "" {
		return Static{}, fmt.Errorf("cannot serve %q: it is like /static=/srv/site/static", word)
	}
	f := Static{strings.TrimSuffix(url, "/") + "/", path.Clean(dir)}
	return f, f.check()
}

func (f Static) check() error {
	what := strings.TrimSuffix(f.URL, "/") + "=" + f.Dir
	switch {
	case !isURL(f.URL) || f.URL == "/":
		return fmt.Errorf("cannot serve %s: the URL is like /static", what)
	case !path.IsAbs(f.Dir) || f.Dir == "/" || !plain(strings.ReplaceAll(f.Dir, "*", "x")):
		return fmt.Errorf("cannot serve %s: the directory must be absolute, %s", what, plainly)
	case strings.Count(f.URL, "*") > 1 || f.star() && !strings.Contains(f.URL, "/*/"):
		return fmt.Errorf("cannot serve %s: one * for one segment, as in /*/static", what)
	case f.star() && (!strings.HasSuffix(f.Dir+"/", f.URL) || f.root() == ""):
		return fmt.Errorf("cannot serve %s: with a * the directory ends as the URL does, as in /*/static=/srv/web2py/applications/*/static", what)
	case !f.star() && strings.Contains(f.Dir, "*"):
		return fmt.Errorf("cannot serve %s: there is a * in the directory and none in the URL", what)
	}
	return nil
}

const plainly = `without quotes, backslashes, $, *, %, ;, # and braces`

// plain tells whether a path means itself between double quotes in each of the
// configurations.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || strings.ContainsRune(`"'\$*%;#{}`+"`", r) }) && s == path.Clean(s)
}

// isURL accepts paths whose letters need no quoting anywhere.
func isURL(s string) bool {
	odd := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._~/-*", r))
	}
	return strings.HasPrefix(s, "/") && !strings.ContainsFunc(s, odd) && (s == "/" || path.Clean(s) == strings.TrimSuffix(s, "/"))
}
