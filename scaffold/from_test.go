package scaffold

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// show writes a plan in lines, so that what is expected can be read.
func show(p *Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %q in %s", p.Name, p.Command, p.Directory)
	for _, part := range [][2]string{{"user", p.User}, {"group", p.Group}, {"handoff", p.Handoff}, {"protocol", p.Protocol}, {"socket", p.Socket}} {
		if part[1] != "" {
			fmt.Fprintf(&b, " %s=%s", part[0], part[1])
		}
	}
	for _, v := range p.Env {
		fmt.Fprintf(&b, " $%s=%q", v.Name, v.Value)
	}
	keys := []string{}
	for k, v := range p.Set {
		keys = append(keys, k+"="+v)
	}
	slices.Sort(keys)
	return strings.TrimSpace(b.String() + " " + strings.Join(keys, " "))
}

// TestFrom reads every file of testdata/from; what is wanted of it is in a file
// of the same name with .want behind it, plans and notes. KEEPONE_GOLDEN=1
// writes those.
func TestFrom(t *testing.T) {
	files, err := filepath.Glob("testdata/from/*.in")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// The first line says the file's name and its kind; lines with "@@ NAME" begin another file beside it.
		first, rest, _ := strings.Cut(string(text), "\n")
		path, kind, _ := strings.Cut(strings.TrimPrefix(first, "# "), " ")
		parts := strings.Split(rest, "@@ ")
		s := Source{Path: path, Text: parts[0], Beside: func(name string) (string, bool) {
			if name == filepath.Base(path) {
				return parts[0], true
			}
			for _, p := range parts[1:] {
				if n, text, _ := strings.Cut(p, "\n"); n == name {
					return text, true
				}
			}
			return "", false
		}}
		if got := s.Kind(); got != kind {
			t.Errorf("%s: kind %q, want %q", file, got, kind)
		}
		got := golden(kind, s)
		want := strings.TrimSuffix(file, ".in") + ".want"
		if os.Getenv("KEEPONE_GOLDEN") != "" {
			if err := os.WriteFile(want, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if wanted, err := os.ReadFile(want); err != nil || string(wanted) != got {
			t.Errorf("%s: %v\n%s\nwant\n%s", file, err, got, wanted)
		}
	}
}

func golden(kind string, s Source) string {
	plans, err := From(kind, s)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var b strings.Builder
	for _, p := range plans {
		fmt.Fprintf(&b, "read    %s\n", show(p))
		p.Adapt("/run/keepone/" + p.Name + "/" + p.Name + ".sock")
		fmt.Fprintf(&b, "adapted %s\n", show(p))
		for _, n := range p.Notes {
			fmt.Fprintf(&b, "  - %s\n", n)
		}
	}
	return b.String()
}
