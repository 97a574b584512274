package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keepone/config"
)

// manual makes the man pages and what shells complete, with this keepone. It
// returns their directory, and the program's.
func manual(t *testing.T) (pages, bin string) {
	t.Helper()
	pages, bin = t.TempDir(), t.TempDir()
	printed(t, "go", "build", "-o", bin, ".", "../keepone-setup")
	inRoot(t, func() { printed(t, "go", "run", "./manual", "-o", pages, "-keepone", filepath.Join(bin, "keepone")) })
	return pages, bin
}

// inRoot calls f in the root of the source tree.
func inRoot(t *testing.T, f func()) {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chdir("../.."); err != nil {
		t.Fatal(err)
	}
	defer os.Chdir(here)
	f()
}

var (
	sectionLine = regexp.MustCompile(`^\.SS \[(\w+)\]$`)
	keyLine     = regexp.MustCompile(`^\\fB(\w+)\\fR = \\fI`)
)

// keepone.toml(5) has the keys that keepone knows, in their order, each with
// its default, unit and example.
func TestManualHasEveryKey(t *testing.T) {
	pages, _ := manual(t)
	text, err := os.ReadFile(filepath.Join(pages, "keepone.toml.5"))
	if err != nil {
		t.Fatal(err)
	}
	var found, want []string
	entries, section := map[string]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if m := sectionLine.FindStringSubmatch(line); m != nil {
			section = m[1]
		} else if m := keyLine.FindStringSubmatch(line); m != nil && section != "" {
			found = append(found, section+"."+m[1])
		}
		if len(found) > 0 {
			entries[found[len(found)-1]] += plain.Replace(line) + "\n"
		}
	}
	for i := range config.Keys {
		k := &config.Keys[i]
		want = append(want, k.Name)
		for _, part := range []string{strings.TrimPrefix(k.Default, "computed: "), k.Unit, k.Doc, k.Example} {
			if !strings.Contains(entries[k.Name], part) {
				t.Errorf("keepone.toml(5) says of %s not %q, but\n%s", k.Name, part, entries[k.Name])
			}
		}
	}
	if !slices.Equal(found, want) {
		t.Errorf("keepone.toml(5) has\n%s\nand keepone knows\n%s", found, want)
	}
}

// plain takes roff's signs out of a line.
var plain = strings.NewReplacer(`\fB`, "", `\fR`, "", `\fI`, "", `\fP`, "", `\-`, "-", `\(rs`, `\`, `\(aq`, "'", `\(ga`, "`", `\(ti`, "~", `\(ha`, "^", `\&`, "")
