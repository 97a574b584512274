package config

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// searchPath is the backend's PATH, whoever started keepone: Debian's for root, so that a site behaves alike at boot and by hand.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// reserved are the variables that are keepone's to set: sd_listen_fds(3)'s, sd_notify(3)'s, and its mark.
var reserved = []string{"KEEPONE", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET"}

// Environ is the backend's whole environment as NAME=VALUE, sorted: nothing of keepone's own gets in. It reads environment.files now;
// an error names the file and line, never what it says.
//
// As root, unless the backend is root too, those files are opened without following symbolic links: the directory may belong to the
// backend's user, who could let .env lead to a file that only root may read and find it in the next backend's environment.
func (c *Config) Environ() ([]string, error) {
	a, err := lookupUser(c.Backend.User)
	if err != nil {
		return nil, fmt.Errorf("cannot use backend.user: %w", err)
	}
	env := map[string]string{"PATH": searchPath, "HOME": a.home, "USER": a.name, "LOGNAME": a.name, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
	if c.Hang.Timeout > 0 {
		env["PYTHONFAULTHANDLER"] = "1" // a traceback at the signal
	}
	for _, file := range c.Environment.Files {
		if !filepath.IsAbs(file) {
			file = filepath.Join(c.Backend.Directory, file)
		}
		text, err := readFile(file, c.by.Root && a.uid != 0)
		if err != nil {
			return nil, err
		}
		if err := readVariables(env, file, string(text)); err != nil {
			return nil, err
		}
	}
	for name, value := range c.Environment.Variables {
		env[name] = value
	}
	all := make([]string, 0, len(env))
	for _, name := range sortedNames(env) {
		all = append(all, name+"="+env[name])
	}
	return all, nil
}

// readVariables takes lines of KEY=VALUE: empty ones and those that begin with # say nothing, "export " before the key is skipped.
// A value is in single quotes (as it stands), in double quotes (\" \\ \$ \` \n \t) or bare (up to a # after a space). Nothing is expanded.
func readVariables(env map[string]string, file, text string) error {
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if rest, ok := strings.CutPrefix(line, "export"); ok && rest != strings.TrimLeft(rest, " \t") {
			line = strings.TrimLeft(rest, " \t")
		}
		name, value, found := strings.Cut(line, "=")
		err := variableName(name)
		switch {
		case !found:
			err = errors.New("there is no = in the line")
		case err == nil:
			value, err = unquote(value)
		}
		if err = cmp.Or(err, noNUL(value)); err != nil {
			return fmt.Errorf("cannot read %s:%d: %w", file, number, err)
		}
		env[name] = value
	}
	return nil
}

func unquote(s string) (string, error) {
	if bare := strings.TrimLeft(s, " \t"); bare == "" || bare[0] != '\'' && bare[0] != '"' {
		for _, comment := range []string{" #", "\t#"} {
			s, _, _ = strings.Cut(s, comment)
		}
		return strings.TrimSpace(s), nil
	}
	s = strings.TrimLeft(s, " \t")
	value, rest, err := quoted(s[1:], s[0])
	if rest = strings.TrimSpace(rest); err == nil && rest != "" && rest[0] != '#' {
		err = errors.New("something follows the closing quote")
	}
	return value, err
}

// quoted takes the text after an opening quote and returns what the quotes hold and what follows them.
func quoted(s string, quote byte) (value, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return b.String(), s[i+1:], nil
		case s[i] != '\\' || quote == '\'':
			b.WriteByte(s[i])
		default:
			i++
			if i == len(s) {
				break
			}
			at := strings.IndexByte("\"\\$`nt", s[i])
			if at < 0 {
				return "", "", errors.New(`unknown escape: in double quotes a backslash is \\`)
			}
			b.WriteByte("\"\\$`\n\t"[at])
		}
	}
	return "", "", errors.New("the closing quote is missing")
}

// variableName checks [A-Za-z_][A-Za-z0-9_]*. Its errors do not say the name: in a broken file that may be part of a secret.
func variableName(name string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	switch {
	case name == "" || strings.Trim(name, letters+"0123456789") != "" || !strings.ContainsAny(name[:1], letters):
		return errors.New("the name is not letters, digits and underscores")
	case slices.Contains(reserved, name):
		return errors.New("keepone sets it itself")
	}
	return nil
}
