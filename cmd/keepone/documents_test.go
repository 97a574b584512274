package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"keepone/command"
	"keepone/config"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// README and DESIGN explain each state in the words of the code.
func TestStatesAreExplained(t *testing.T) {
	states := regexp.MustCompile(`(?m)^\t([A-Z]\w+) .*// (.*)$`)
	_, block, _ := strings.Cut(read(t, "supervise/machine.go"), "const (\n")
	block, _, _ = strings.Cut(block, "\n)")
	found := states.FindAllStringSubmatch(block, -1)
	if len(found) != 9 {
		t.Fatalf("%d states in machine.go", len(found))
	}
	for _, doc := range []string{"README.md", "DESIGN.md"} {
		text := read(t, doc)
		for _, m := range found {
			if line := "- **" + strings.ToLower(m[1]) + "**: " + m[2] + "."; !strings.Contains(text, line+"\n") {
				t.Errorf("%s does not say %q", doc, line)
			}
		}
	}
}

func TestNewsBeginsWithThisVersion(t *testing.T) {
	if !strings.Contains(read(t, "NEWS.md"), "# News\n\n## "+command.Version+" ") {
		t.Errorf("NEWS.md does not begin with %s", command.Version)
	}
}

// The README's configuration is one that keepone takes.
func TestReadmeConfiguration(t *testing.T) {
	_, text, _ := strings.Cut(read(t, "README.md"), "```toml\n")
	text, _, _ = strings.Cut(text, "```")
	file := t.TempDir() + "/web2py.toml"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, config.Defaults{Root: true, User: "root", RunDir: "/run/keepone/web2py"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Socket.Path != "/run/keepone/web2py/web2py.sock" {
		t.Errorf("the socket is %s", c.Socket.Path)
	}
}

// Every command and flag has words of help that begin like the others.
func TestEveryCommandIsExplained(t *testing.T) {
	for _, c := range commands().Commands() {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: %q", c.Name(), c.Short)
		}
	}
}
