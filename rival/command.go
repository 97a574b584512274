package rival

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A command is a program as it is run: the backend's as it would be, or that of
// a process. What is not known is zero.
type command struct {
	words
	exe      file   // the program's file
	path     string // of the program, symbolic links resolved
	kind     string // of interpreter, "" for other programs
	scriptAt string // where the script is
	code     file   // the script's file
	home     file   // the directory of the site's script, or dir
	dir      string // working directory
	dirAt    file   // its file
	title    string // name of a program that overwrote its command line
}

// own says whether what is run is the site's own, and not a program that
// serves any site.
func (c *command) own() bool {
	if c.script != "" {
		return !forAll(c.scriptAt)
	}
	return c.kind == "" && c.module == "" && c.path != "" && !forAll(c.path)
}

// bare says of an interpreter that it was given nothing to run.
func (c *command) bare() bool {
	return c.kind != "" && c.script == "" && c.module == "" && !c.inline && c.title == ""
}

// forAll says of a program or a script that it is installed for whoever wants
// it: below /usr and /opt/*/bin, in a package of a language, in the bin
// directory of a virtual environment. Not what lies in /usr/share, /usr/lib/cgi-bin
// and the like: that is an application.
func forAll(path string) bool {
	parts := strings.Split(filepath.Dir(path), "/")
	has := func(names ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return slices.Contains(names, p) })
	}
	if len(parts) < 2 || has("site-packages", "dist-packages", "node_modules", "gems") {
		return len(parts) >= 2
	}
	switch parts[1] {
	case "usr", "bin", "sbin", "lib", "lib64", "nix", "gnu", "snap":
		return !has("share", "cgi-bin", "www", "src")
	case "opt":
		return has("bin", "sbin")
	}
	if strings.HasSuffix(filepath.Dir(path), "/.local/bin") {
		return true
	}
	_, err := os.Stat(filepath.Join(filepath.Dir(filepath.Dir(path)), "pyvenv.cfg"))
	return parts[len(parts)-1] == "bin" && err == nil
}

// nested is how many scripts may be each other's interpreters, execve(2).
const nested = 5

// backend says what the wanted backend would be; not ok when there is no such
// program.
func (h host) backend(w Wanted) (c command, ok bool) {
	argv, called := w.Argv, ""
	for n := 0; n <= nested && len(argv) > 0; n++ {
		if called = lookPath(argv[0], w.Env, w.Dir); called == "" {
			return c, false
		}
		words := interpreter(called)
		switch {
		case kindOf(filepath.Base(called)) != "": // also a script that picks one, as those of pyenv
			n = nested
		case len(words) > 0:
			argv = slices.Concat(words, []string{called}, argv[1:])
		case filepath.Base(called) == "env" && len(argv) > 1:
			argv = afterEnv(argv)
		default:
			n = nested
		}
	}
	var err error
	if c.exe, err = identify(called); err != nil || len(argv) == 0 {
		return c, false
	}
	c.path = called
	if real, err := filepath.EvalSymlinks(called); err == nil {
		c.path = real
	}
	c.kind = kindAs(c.path, called)
	c.words, c.dir = parse(c.kind, argv), w.Dir
	c.dirAt, _ = identify(w.Dir)
	if c.script != "" {
		c.scriptAt = absolute(w.Dir, c.script)
		c.code, _ = identify(c.scriptAt)
	}
	c.home = c.dirAt
	if c.own() && c.script != "" {
		c.home, _ = identify(homeOf(c.scriptAt))
	}
	return c, true
}

// kindAs is the kind of the interpreter at that path, which is called so.
func kindAs(path, called string) string {
	name := filepath.Base(path)
	if path == "" || manyInOne[name] {
		name = strings.TrimPrefix(filepath.Base(called), "-") // a login shell
	}
	return kindOf(name)
}

// homeOf is the directory of the application that the script is part of.
func homeOf(script string) string {
	dir := filepath.Dir(script)
	if filepath.Base(dir) == "handlers" { // of web2py
		return filepath.Dir(dir)
	}
	return dir
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// lookPath finds the program as execvp(3) does; "" for none.
func lookPath(name string, env []string, dir string) string {
	if strings.Contains(name, "/") {
		return absolute(dir, name)
	}
	for _, in := range filepath.SplitList(environment(env).get("PATH")) {
		path := absolute(dir, filepath.Join(in, name))
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// interpreter reads the first line of a script, "#!" and one or two words, as
// execve(2) does; nothing for a program.
func interpreter(path string) []string {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	text := make([]byte, 256)
	n, err := unix.Read(fd, text)
	line, script := strings.CutPrefix(string(text[:max(n, 0)]), "#!")
	if err != nil || !script {
		return nil
	}
	line, _, _ = strings.Cut(line, "\n")
	program, rest, _ := strings.Cut(strings.Trim(line, " \t"), " ")
	if program == "" {
		return nil
	}
	if rest = strings.Trim(rest, " \t"); rest == "" {
		return []string{program}
	}
	return []string{program, rest}
}

// afterEnv is the command that env(1) runs.
func afterEnv(argv []string) []string {
	rest := argv[1:]
	for len(rest) > 0 {
		word := rest[0]
		split, isSplit := strings.CutPrefix(word, "-S")
		switch {
		case isSplit:
			return slices.Concat(strings.Fields(split), rest[1:])
		case (word == "-u" || word == "-C") && len(rest) > 1:
			rest = rest[2:]
		case strings.HasPrefix(word, "-"), strings.Contains(word, "="):
			rest = rest[1:]
		default:
			return rest
		}
	}
	return nil
}
