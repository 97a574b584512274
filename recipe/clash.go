package recipe

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Clash is the file of another site, made by keepone webserver and read by the
// server, that takes the same URLs of the same name: one of the two gets none of
// its visitors. "" where there is none. What people wrote is not looked at, nor
// are parts that they include where they want.
func (y System) Clash(server string, s Site) string {
	own := y.Place(server, s)
	for i := range homes {
		h := &homes[i]
		if h.server != server && h.server != server+"-host" || h.part {
			continue
		}
		dir := h.dir
		if h.link != "" {
			dir = h.link
		}
		files, _ := filepath.Glob(filepath.Join(y.Root+dir, strings.ReplaceAll(h.file, "%s", "*"))) // the pattern is valid
		for _, file := range files {
			if base := filepath.Base(file); base != filepath.Base(own.File) && y.reads(h, own.Main, base) && s.like(file) {
				return strings.TrimPrefix(file, y.Root)
			}
		}
	}
	return ""
}

// Written are the files that keepone webserver has put in place for a site: of
// every web server, and the links that have them read.
func (y System) Written(name string) (all []string) {
	for i := range homes {
		h := &homes[i]
		for _, dir := range []string{h.dir, h.link} {
			file := filepath.Join(dir, strings.ReplaceAll(h.file, "%s", fileName(name)))
			if text, err := os.ReadFile(y.Root + file); dir != "" && err == nil && MadeBy(string(text)) != "" && !slices.Contains(all, file) {
				all = append(all, file)
			}
		}
	}
	return all
}

// reads tells whether the server's own file includes one that no link does.
func (y System) reads(h *home, main, base string) bool {
	if h.link != "" {
		return true
	}
	text, err := os.ReadFile(y.Root + main)
	return err == nil && strings.Contains(string(text), base)
}

// like tells whether a file was made for the same name and prefix.
func (s *Site) like(file string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	host, prefix := Scope(string(text))
	return MadeBy(string(text)) != "" && host == s.Host && prefix == s.Prefix
}

// Scope is the --host and the --prefix that a text was made with.
func Scope(text string) (host, prefix string) {
	line := MadeBy(text)
	flag := func(name string) string {
		_, value, _ := strings.Cut(line, " --"+name+" '")
		value, _, _ = strings.Cut(value, "'")
		return value
	}
	return flag("host"), flag("prefix")
}
