package main

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed testdata
var leakers embed.FS

// language is a backend that leaks: its program, what proves that it can be run here, and how it is started with the
// listening socket as descriptor 0 or with a path to bind.
type language struct {
	name   string
	needs  []string // a command that succeeds, and whose output has the word has
	has    string
	script string // path of the program
	start  string // a shell script
}

// languages writes the programs into dir and returns those that can be run; the others are named.
func languages(dir string) (all []language, err error) {
	for _, name := range []string{"leak.py", "leak.pl", "leak.php"} {
		text, err := leakers.ReadFile("testdata/" + name)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return nil, err
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	python := "/usr/bin/python3" // what PATH has may be a shell script in front of it
	if _, err := os.Stat(python); err != nil {
		python = "python3"
	}
	for _, l := range []language{
		{name: "Python", needs: []string{python, "--version"}, script: at("leak.py"),
			start: fmt.Sprintf("exec %s %s \"$@\"\n", python, at("leak.py"))},
		{name: "PHP", needs: []string{"php-cgi", "-m"}, has: "FFI", script: at("leak.php"),
			// After 500 requests php-cgi would end by itself.
			start: "export PHP_FCGI_MAX_REQUESTS=0\nexec php-cgi -d ffi.enable=true ${1:+-b \"$1\"}\n"},
		{name: "Perl", needs: []string{"perl", "-MFCGI", "-e1"}, script: at("leak.pl"),
			start: fmt.Sprintf("exec perl %s \"$@\"\n", at("leak.pl"))},
	} {
		out, err := exec.Command(l.needs[0], l.needs[1:]...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), l.has) {
			fmt.Printf("left out: %s: %s does not work here\n", l.name, strings.Join(l.needs, " "))
			continue
		}
		all = append(all, l)
	}
	return all, nil
}
