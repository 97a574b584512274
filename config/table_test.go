package config

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write CONFIGURATION.md")

func TestDocument(t *testing.T) {
	const file = "../CONFIGURATION.md"
	var b bytes.Buffer
	if err := Document(&b); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, b.Bytes()) {
		t.Error("CONFIGURATION.md is out of date: go test ./config -run TestDocument -update")
	}
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "|") && strings.Count(line, "|") != 7 {
			t.Errorf("a broken row: %s", line)
		}
	}
}

// TestTableIsTrue holds the table against the program: defaults, examples, and every section in one piece.
func TestTableIsTrue(t *testing.T) {
	nobody(t)
	plain := Command("web2py", nil, asRoot)
	seen, closed, last := map[string]bool{}, map[string]bool{}, ""
	for i := range Keys {
		k := &Keys[i]
		if seen[k.Name] {
			t.Errorf("%s is there twice", k.Name)
		}
		seen[k.Name] = true
		if s := k.section(); s != last {
			if closed[s] {
				t.Errorf("[%s] is in two pieces", s)
			}
			closed[last], last = true, s
		}
		if k.Type == "" || k.Example == "" || !strings.HasSuffix(k.Doc, ".") {
			t.Errorf("%s lacks a type, an example or a sentence", k.Name)
		}
		want := k.Default
		if strings.HasPrefix(want, "computed: ") {
			want = ""
		}
		got := ""
		if v := k.get(plain); v != nil {
			got = literal(v)
		}
		if got != want {
			t.Errorf("%s: the table says %q, the default is %q", k.Name, want, got)
		}
		checkExample(t, k)
	}
}

func checkExample(t *testing.T, k *Key) {
	t.Helper()
	line := "[" + k.section() + "]\n" + k.line() + "\n"
	text := line + smallest
	if k.section() == "backend" {
		lines := []string{"[backend]", `command = ["true"]`, `user = "nobody"`, k.line()}
		if k.short() == "command" || k.short() == "user" {
			lines = []string{"[backend]", strings.Split(smallest, "\n")[1], strings.Split(smallest, "\n")[2]}
			lines[map[string]int{"command": 1, "user": 2}[k.short()]] = k.line()
		}
		text = strings.Join(lines, "\n")
	}
	c, err := Parse("web2py.toml", []byte(text), asRoot)
	if err != nil {
		if !strings.Contains(err.Error(), "unknown user") && !strings.Contains(err.Error(), "unknown group") { // not every system has them
			t.Errorf("the example of %s: %v", k.Name, err)
		}
		return
	}
	if v := k.get(c); k.field != nil && literal(v) != k.Example {
		t.Errorf("the example of %s comes back as %s", k.Name, literal(v))
	}
}
