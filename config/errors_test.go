package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func problem(t *testing.T, text string, d Defaults) string {
	t.Helper()
	_, err := Parse("/etc/keepone/web2py.toml", []byte(text), d)
	if err == nil {
		t.Fatalf("accepted:\n%s", text)
	}
	return err.Error()
}

func TestErrorIsRendered(t *testing.T) {
	nobody(t)
	got := problem(t, "[backend]\nuser = \"nobody\"\n\tcomand = [\"php-cgi\"]\n", asRoot)
	want := `/etc/keepone/web2py.toml:3:2: unknown key "backend.comand"
    	comand = ["php-cgi"]
    	^
hint: did you mean "command"?`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestErrorsComeTogetherInOrder(t *testing.T) {
	nobody(t)
	for range 20 { // the decoder's maps come in random order
		testOrder(t)
	}
}

func testOrder(t *testing.T) {
	t.Helper()
	got := problem(t, smallest+"umask = 18\n[drain]\ntimeout = 30\n[wrong]\n[memory]\nhard = \"1MB\"\n[stop]\nsignal = \"SIGFOO\"\n", asRoot)
	last := 0
	for _, want := range []string{
		":4:1: cannot use backend.umask: an integer is not octal",
		`:6:1: cannot use drain.timeout: 30 has no unit: seconds are "30s"`,
		":7:2: unknown section [wrong]",
		":9:1: cannot use memory.hard: 1000000B is less than 1MiB",
		`:11:1: cannot use stop.signal: unknown signal "SIGFOO"`,
	} {
		at := strings.Index(got, want)
		if at < last || at < 0 {
			t.Errorf("%q is missing or out of order", want)
		}
		last = at
	}
	if n := strings.Count(got, "web2py.toml:"); n != 5 {
		t.Errorf("%d problems", n)
	}
	if t.Failed() {
		t.Log(got)
	}
}

var problems = []struct{ text, want, hint string }{
	{"", "1:1: backend.command is required", `command = ["/usr/bin/php-cgi"]`},
	{"[backend]\nuser = \"nobody\"", "1:2: backend.command is required", "for example"},
	{"[backend]\ncommand = [\"a\"]", "1:2: backend.user is required where keepone runs as root", `user = "www-data"`},
	{"[backend]\ncommand = []\nuser = \"nobody\"", "2:1: backend.command names no program", "for example"},
	{"[backend]\ncommand = \"php-cgi\"\nuser = \"nobody\"", "2:1: backend.command is a list of strings, not a string", "for example"},
	{"[backend]\ncommand = [1]\nuser = \"nobody\"", "2:1: cannot use backend.command: one of the list is an integer", "for example"},
	{"[bakend]\ncommand = [\"a\"]", "1:2: unknown section [bakend]", "did you mean [backend]?"},
	{"command = [\"a\"]\n[backend]\nuser = \"nobody\"", `1:1: unknown key "command"`, "belongs in [backend]"},
	{"backend = 3", "1:1: backend is a section, not an integer", "write [backend]"},
	{"[[backend]]\ncommand = []", "1:3: backend is a section, not a list of tables", "once"},
	{smallest + "path = \"/x\"", `4:1: unknown key "backend.path"`, `"path" belongs in [socket]`},
	{smallest + "zzzzzz = 1", `4:1: unknown key "backend.zzzzzz"`, "[backend] has command, directory"},
	{smallest + "[stop.signal]\nx = 1", "4:7: stop.signal is a signal, not a table", `signal = "SIGTERM"`},
	{smallest + "[socket]\npath = \"x.sock\"", `5:1: cannot use socket.path: "x.sock" is not an absolute path`, "/run/keepone"},
	{smallest + "[socket]\npath = \"tcp://localhost:8000\"", `5:1: cannot use socket.path: "tcp://localhost:8000" is not tcp://, a numeric address`, "/run/keepone"},
	{smallest + "[socket]\npath = \"tcp://127.0.0.1:0\"", "is not tcp://", ""},
	{smallest + "[socket]\npath = \"tcp://[::1]\"", "is not tcp://", ""},
	{smallest + "[socket]\npath = \"tcp://[fe80::1%lo]:80\"", "is not tcp://", ""},
	{smallest + "[socket]\nmode = \"0999\"", "5:1: cannot use socket.mode", `mode = "0660"`},
	{smallest + "[socket]\nmode = 0660", "5:8: integers cannot have leading zeroes", `mode = "0660"`},
	{smallest + "[socket]\nbacklog = 70000", "5:1: cannot use socket.backlog: 70000 is not between 1 and 65535", "4096"},
	{smallest + "handoff = \"fd1\"", `4:1: cannot use backend.handoff: "fd1" is not one of its values`, `use "fd0" or "listen-fds"`},
	{smallest + "[memory]\nsoft = \"2GiB\"\nhard = \"1GiB\"", "5:1: memory.soft (2GiB) is not below memory.hard (1GiB)", "room"},
	{smallest + "[memory]\nsoft = \"96Mb\"", `5:1: cannot use memory.soft: "96Mb" has no known unit`, `soft = "96MiB"`},
	{smallest + "[memory]\nsoft = \"9999999TiB\"", "is too large", ""},
	{smallest + "[memory]\nsoft = 1.5", "5:1: memory.soft is a size or percentage, not a number with a fraction", ""},
	{smallest + "[memory]\nhard = \"101%\"", `cannot use memory.hard: "101%" is no percentage`, ""},
	{smallest + "[memory]\nsoft = \"40 %\"", `cannot use memory.soft: "40 %" is no percentage`, ""},
	{smallest + "[memory]\nsoft = \"40%\"\nhard = \"40%\"", "memory.soft (40%) is not below memory.hard (40%)", "room"},
	{smallest + "[memory]\nhard = \"40%\"\nsample = \"0s\"", "memory.sample is 0s, so no limit would ever be seen", ""},
	{smallest + "[memory]\nsample = \"1us\"", "1µs is less than 1ms", ""},
	{smallest + "[memory]\nfrugal = \"yes\"", "memory.frugal is a boolean, not a string", ""},
	{smallest + "[alert]\ncommand = [\"\"]", "alert.command names no program", ""},
	{smallest + "[stop]\ntimeout = \"-1s\"", `"-1s" is negative`, ""},
	{smallest + "[stop]\ntimeout = 07:32:00", "5:1: stop.timeout is a duration, not a date or time", ""},
	{smallest + "[limits]\nnofile = 100", "100 is less than 256", ""},
	{smallest + "[limits]\nas = 100", "100B is less than 1MiB", ""},
	{smallest + "[limits]\nnproc = \"1MiB\"", `limits.nproc is an integer or "unlimited", not a string`, ""},
	{smallest + "[limits]\nnice = 20", "20 is not between -20 and 19", ""},
	{smallest + "group = \"no such\"", `4:1: cannot use backend.group: unknown group "no such"`, "getent group"},
	{smallest + "group = 4294967295", `unknown group "4294967295"`, ""},
	{smallest + "groups = [\"no such\"]", `unknown group "no such"`, ""},
	{smallest + "[socket]\nowner = \"no such\"", `5:1: cannot use socket.owner: unknown user "no such"`, "getent passwd"},
	{smallest + "[control]\noperate = [\"@no such\"]", `5:1: cannot use control.operate: unknown group "no such"`, "@adm"},
	{smallest + "[environment]\nA-B = \"x\"", `5:1: cannot use variable "A-B": the name is not letters`, ""},
	{smallest + "[environment]\nKEEPONE = \"x\"", "keepone sets it itself", ""},
	{smallest + "[environment]\nA = 1.5", "a number with a fraction is no string", ""},
	{smallest + "user = \"root\"", "4:1: key user is already defined", ""},
	{smallest + "check = [\"a\\u0000b\"]", "the string contains a NUL", ""},
}

func TestProblems(t *testing.T) {
	nobody(t)
	for _, test := range problems {
		got := problem(t, test.text, asRoot)
		if !strings.Contains(got, test.want) || !strings.Contains(got, test.hint) {
			t.Errorf("%q\ngot  %s\nwant %s\nhint %s", test.text, got, test.want, test.hint)
		}
		if n := strings.Count(got, "web2py.toml:"); n != 1 && test.text != "" && !strings.HasPrefix(test.text, "backend") && !strings.HasPrefix(test.text, "[[") {
			t.Errorf("%q: %d problems, want 1\n%s", test.text, n, got)
		}
	}
}

func TestOrdinaryUserMayNotBecomeOthers(t *testing.T) {
	nobody(t)
	for _, line := range []string{"[backend]\nuser = \"root\"", "[backend]\ngroup = 0", "[backend]\ngroups = [0]", "[socket]\nowner = 0", "[socket]\ngroup = 0"} {
		text := strings.Replace("[backend]\ncommand = [\"a\"]\n"+line, "\n[backend]", "", 1)
		if got := problem(t, text, asUser); !strings.Contains(got, "root") || strings.Count(got, "web2py.toml:") != 1 {
			t.Errorf("%q: %s", text, got)
		}
	}
	same := strings.ReplaceAll("[backend]\ncommand = [\"a\"]\nuser = NOBODY\n[socket]\nowner = NOBODY\n", "NOBODY", `"nobody"`)
	parse(t, same, asUser)
}

func TestGarbageIsBounded(t *testing.T) {
	nobody(t)
	many := problem(t, smallest+numbered(500), asRoot)
	if len(many) > 20_000 || !strings.Contains(many, "and 480 more") {
		t.Errorf("%d bytes\n%s", len(many), many)
	}
	wide := problem(t, smallest+strings.Repeat("x", 10_000)+" = 1", asRoot)
	if strings.Count(wide, "x") > 10_000+2*longest {
		t.Errorf("%d bytes", len(wide))
	}
	if got := problem(t, "[backend]\nx = \"\x1b[2J\"", asRoot); strings.Contains(got, "\x1b") {
		t.Errorf("an escape sequence came through: %q", got)
	}
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("key" + strings.Repeat("z", 20) + strings.Repeat("y", i) + " = 1\n")
	}
	return b.String()
}

// TestErrorsKeepSecrets breaks a file at every place after the header of [environment]: no message may show a variable's value.
func TestErrorsKeepSecrets(t *testing.T) {
	nobody(t)
	text := smallest + "[environment]\nPASSWORD = \"hunter2\"\nKEY = '''\n[backend]\nhunter2==\n'''\nPIN = 1\n[output]\nto = \"auto\"\n"
	parse(t, text, asRoot)
	broken := 0
	for at := strings.Index(text, "[environment]") + 1; at < len(text); at++ {
		for _, junk := range []string{"\"", "'", "[", "]", "=", "\n", "{", "#", ".", "\x00", "1", "'''\n"} {
			_, err := Parse("x.toml", []byte(text[:at]+junk+text[at:]), asRoot)
			if err == nil {
				continue
			}
			broken++
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("after %q and %q:\n%v", text[:at], junk, err)
			}
		}
	}
	if broken < 500 {
		t.Errorf("only %d texts were broken", broken)
	}
	for _, text := range []string{"[environment]\nPASSWORD = [\"hunter2\"]", "environment = { A = \"hunter2\", B-C = 1 }",
		"enviroment = { A = \"hunter2\" }", "PASSWORD = \"hunter2\"", smallest + "[environment]\nA = \"hunter2\"\nA = 1"} {
		if got := problem(t, text, asRoot); strings.Contains(got, "hunter2") {
			t.Errorf("%q:\n%s", text, got)
		}
	}
}

func TestErrorsUnwrap(t *testing.T) {
	_, err := Parse("x.toml", []byte("[drain]\ntimeout = 3"), asUser)
	var one *Error
	if !errors.As(err, &one) {
		t.Fatalf("%T", err)
	}
	var all Errors
	if !errors.As(err, &all) || len(all) < 2 {
		t.Fatalf("%T with %d", err, len(all))
	}
	for _, e := range all {
		if e.Line < 1 || e.Column < 1 || e.File != "x.toml" || e.Msg == "" {
			t.Errorf("%+v", e)
		}
	}
}

// Who misspells a name is told which there are.
func TestAbsent(t *testing.T) {
	dir := t.TempDir()
	for _, l := range [][2]string{
		{"", "keepone init shop writes one"},
		{"blog", "keepone init shop writes one; there are blog"},
		{"shpo", "did you mean shpo? keepone init shop writes another"},
	} {
		if l[0] != "" {
			if err := os.WriteFile(filepath.Join(dir, l[0]+".toml"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := Absent(dir, "shop"); got != l[1] {
			t.Errorf("%q, want %q", got, l[1])
		}
	}
}
