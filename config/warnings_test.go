package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWarnings(t *testing.T) {
	nobody(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "plain"), "")
	text := "[backend]\nuser = \"nobody\"\ncommand = [\"sh\"]\ndirectory = \"" + dir + "\"\n"
	quiet := "[socket]\nbacklog = 1\n"
	for _, test := range []struct{ text, want string }{
		{text + quiet, ""},
		{text + "[socket]\nbacklog = 1\npath = \"/tmp/x.sock\"", "socket.path /tmp/x.sock is under /tmp/"},
		{text + "[socket]\nbacklog = 1\npath = \"tcp://0.0.0.0:8000\"", "whoever can reach that address"},
		{text + "[socket]\nbacklog = 1\npath = \"tcp://[::1]:8000\"\nmode = \"0600\"", "mean nothing at tcp://[::1]:8000"},
		{text + "[socket]\nbacklog = 1\nmode = \"0666\"", "lets every local user connect"},
		{text + "check = [\"no-such-program\"]\n" + quiet, `backend.check: cannot run "no-such-program": it is not in the backend's PATH`},
		{strings.Replace(text, `"sh"`, `"./plain"`, 1) + quiet, "is not an executable file"},
		{strings.Replace(text, `"sh"`, `"./none"`, 1) + quiet, "/none: no such file"},
		{strings.Replace(text, dir, dir+"/plain", 1) + quiet, "it is not a directory"},
		{strings.Replace(text, dir, dir+"/none", 1) + quiet, "no such file or directory"},
		{text + quiet + "[environment]\nfiles = [\"none\"]", "cannot read " + dir + "/none: no such file or directory: the backend will not be spawned"},
		{text + quiet + "[environment]\nPATH = \"/nowhere::.\"", `cannot run "sh"`},
	} {
		c := parse(t, test.text, asRoot)
		got := strings.Join(c.Warnings(), "\n")
		if (test.want == "") != (got == "") || !strings.Contains(got, test.want) || strings.Contains(got, "\n") {
			t.Errorf("%s\ngot  %q\nwant %q", test.text, got, test.want)
		}
	}
}

func TestPatience(t *testing.T) {
	nobody(t)
	for text, want := range map[string]string{
		"":                             "",
		"[ready]\ntimeout = \"61s\"\n": "are 101 s together",
		"[drain]\ntimeout = \"10s\"\n[ready]\ntimeout = \"40s\"\n":          "",
		"[drain]\ntimeout = \"29s\"\n":                                      "",
		"[drain]\ntimeout = \"2500000h\"\n[stop]\ntimeout = \"2500000h\"\n": "are 18000000060 s together",
	} {
		if got := parse(t, smallest+text, asRoot).Patience(); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestWarnsOfBacklogAboveSomaxconn(t *testing.T) {
	nobody(t)
	c := parse(t, smallest+"[socket]\nbacklog = 65535\n", asRoot)
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil || len(strings.TrimSpace(string(text))) > 4 {
		t.Skip("net.core.somaxconn is out of reach:", string(text), err)
	}
	if got := c.warnBacklog(); !strings.Contains(got, "is cut to "+strings.TrimSpace(string(text))) {
		t.Error(got)
	}
}

func TestWarnsOfFileThatOthersWrite(t *testing.T) {
	nobody(t)
	file := filepath.Join(t.TempDir(), "x.toml")
	write(t, file, smallest)
	c, err := Load(file, asRoot)
	if err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]bool{0o644: false, 0o664: true, 0o602: true} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if got := c.warnFile(); (got != "") != want {
			t.Errorf("%o: %q", mode, got)
		}
	}
}

func TestExecutable(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"one/tool", "two", "one/data", "two/data"} {
		file := filepath.Join(dir, sub)
		if sub == "one/tool" || sub == "two" { // directories; the first has the program's name
			if err := os.MkdirAll(file, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		write(t, file, "")
	}
	tool := filepath.Join(dir, "two/tool")
	write(t, tool, "")
	if err := os.Chmod(tool, 0o755); err != nil {
		t.Fatal(err)
	}
	c := Command("x", nil, asRoot)
	c.Backend.Directory = dir
	env := []string{"PATH=" + dir + "/one:relative::" + dir + "/two"}
	for _, program := range []string{"tool", "two/tool", "./two/tool", tool} {
		if got, err := c.Executable(program, env); err != nil || got != tool {
			t.Errorf("%s: %q, %v", program, got, err)
		}
	}
	for _, program := range []string{"data", "two/data", "one/tool", "none"} {
		if got, err := c.Executable(program, env); err == nil {
			t.Errorf("%s: %q", program, got)
		}
	}
}
