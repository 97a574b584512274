package config

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEnvironIsExactlyThis(t *testing.T) {
	u := me(t)
	t.Setenv("SECRET_OF_KEEPONE", "x")
	dir := t.TempDir()
	write(t, filepath.Join(dir, ".env"), "A=file\nB=file\nC=file\n")
	write(t, filepath.Join(dir, "second"), "B=second\nPATH=/opt/bin\n")
	c := Command("web2py", []string{"true"}, Defaults{User: u.Username, RunDir: dir})
	c.Backend.Directory = dir
	c.Environment = Environment{[]string{".env", filepath.Join(dir, "second")}, map[string]string{"A": "key", "LANG": "de_DE.UTF-8"}}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	got, err := c.Environ()
	want := []string{"A=key", "B=second", "C=file", "HOME=" + u.HomeDir, "LANG=de_DE.UTF-8", "LOGNAME=" + u.Username, "PATH=/opt/bin",
		"PYTHONUNBUFFERED=1", "USER=" + u.Username}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got  %q, %v\nwant %q", got, err, want)
	}
	c.Environment = Environment{}
	got, err = c.Environ()
	want = []string{"HOME=" + u.HomeDir, "LANG=C.UTF-8", "LOGNAME=" + u.Username,
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONUNBUFFERED=1", "USER=" + u.Username}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got  %q, %v\nwant %q", got, err, want)
	}
	c.Environment.Files = []string{"none"}
	if _, err := c.Environ(); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "none")) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestReadVariables(t *testing.T) {
	text := strings.Join([]string{
		"# a comment", "", "  # another", "A=1", "export B=2", "export\tC=3", "E=", "F='single # \\n \"x\"'",
		`G="double # \" \\ \$ \n"  # said`, "H=bare words # said", "I=#fff", "J=a#b", "K= # nothing", "L= \"x\"", "M=a=b==", "N=${A}\r",
		"exported=1", "O=\t'' ",
	}, "\n")
	want := map[string]string{"A": "1", "B": "2", "C": "3", "E": "", "F": `single # \n "x"`, "G": "double # \" \\ $ \n", "H": "bare words",
		"I": "#fff", "J": "a#b", "K": "", "L": "x", "M": "a=b==", "N": "${A}", "exported": "1", "O": ""}
	got := map[string]string{}
	if err := readVariables(got, "x", text); err != nil || !maps.Equal(got, want) {
		t.Errorf("got  %q, %v\nwant %q", got, err, want)
	}
	for text, want := range map[string]string{
		"A=1\nhunter2":          "cannot read /x/.env:2: there is no =",
		"hunter2-x=1":           "/x/.env:1: the name is not letters",
		"A =hunter2":            "/x/.env:1: the name is not letters",
		"=hunter2":              "/x/.env:1: the name is not letters",
		"A='hunter2":            "/x/.env:1: the closing quote is missing",
		"A=\"hunter2\\":         "/x/.env:1: the closing quote is missing",
		"A=\"hunter2\\x\"":      "/x/.env:1: unknown escape",
		"A='hunter2'x":          "/x/.env:1: something follows the closing quote",
		"A=hunter2\x00":         "/x/.env:1: the string contains a NUL",
		"\n\nLISTEN_FDS=1":      "/x/.env:3: keepone sets it itself",
		"export export A=1":     "/x/.env:1: the name is not letters",
		"A=\"a\nhunter2\"\nB=1": "/x/.env:1: the closing quote is missing",
	} {
		err := readVariables(map[string]string{}, "/x/.env", text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestNoLinkLeadsRootToSecrets plays the backend's user, who owns the directory and puts a link where .env was.
func TestNoLinkLeadsRootToSecrets(t *testing.T) {
	nobody(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "secret"), "TOKEN=hunter2\n")
	if err := os.Symlink("secret", filepath.Join(dir, ".env")); err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(dir) // the path to TMPDIR may have links of its own
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, smallest+"directory = \""+dir+"\"\n[environment]\nfiles = [\".env\"]\n", asRoot)
	if env, err := c.Environ(); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("%q, %v", env, err)
	}
	c.Environment.Files = []string{"secret"}
	if env, err := c.Environ(); err != nil || !slices.Contains(env, "TOKEN=hunter2") {
		t.Errorf("without a link: %q, %v", env, err)
	}
	c.Environment.Files, c.Backend.User = []string{".env"}, "root"
	if env, err := c.Environ(); err != nil || !slices.Contains(env, "TOKEN=hunter2") {
		t.Errorf("for a backend that is root: %q, %v", env, err)
	}
}

func FuzzReadVariables(f *testing.F) {
	f.Add("export A='x' # y\nB=\"\\n\"")
	f.Add("A=\"\\")
	f.Fuzz(func(t *testing.T, text string) {
		env := map[string]string{}
		if readVariables(env, "x", text) != nil {
			return
		}
		for name, value := range env {
			if variableName(name) != nil || strings.ContainsRune(value, 0) {
				t.Errorf("%q=%q from %q", name, value, text)
			}
		}
	})
}
