package config

import (
	"strings"
	"testing"
)

func TestOutputTo(t *testing.T) {
	for _, c := range []struct{ to, around, root, user string }{
		{"auto", "", "/var/log/keepone/web2py.log", asUser.RunDir + "/output.log"},
		{"auto", "journal", "journal", "journal"},
		{"auto", "stdout", "stdout", "stdout"},
		{"syslog", "journal", "syslog", "syslog"},
		{"journal", "", "journal", "journal"},
		{"/tmp//x.log", "journal", "/tmp/x.log", "/tmp/x.log"},
	} {
		text := smallest + "[output]\nto = \"" + c.to + "\"\n"
		if got := parse(t, text, asRoot).OutputTo(c.around); got != c.root {
			t.Errorf("%+v as root: %q", c, got)
		}
		if got := parse(t, text, asUser).OutputTo(c.around); got != c.user {
			t.Errorf("%+v as a user: %q", c, got)
		}
	}
}

func TestOutputThatCannotBe(t *testing.T) {
	for text, want := range map[string]string{
		`to = "jornal"`: `"jornal" is neither an absolute path nor one of "auto", "journal"`,
		`to = 7`:        "output.to is an absolute path",
		`keep = 0`:      "0 is not between 1 and 100",
		`keep = 101`:    "101 is not between 1 and 100",
		`limit = "1K"`:  "output.limit",
	} {
		_, err := Parse("web2py.toml", []byte(smallest+"[output]\n"+text+"\n"), asRoot)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
}
