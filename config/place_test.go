package config

import (
	"strings"
	"testing"
)

// A name that a command takes is one that a configuration may have.
func TestOneRuleForNames(t *testing.T) {
	for name, want := range map[string]bool{
		"web2py": true, "a.b_c-d": true, "9": true, "a+b": false, "a@b": false, "_a": false, "-a": false, ".a": false, "a/b": false, "ä": false,
		strings.Repeat("a", 64): true, strings.Repeat("a", 65): false,
	} {
		_, err := Parse("/etc/keepone/x.toml", []byte("[backend]\ncommand = [\"/bin/cat\"]\ndirectory = \"/\"\n"), Defaults{Name: name, RunDir: "/run/keepone/x", User: "root"})
		refused := err != nil && strings.Contains(err.Error(), "as the backend's name")
		if ValidName(name) != want || refused == want {
			t.Errorf("%q: %v, %v", name, ValidName(name), err)
		}
	}
}
