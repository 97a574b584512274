package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// forbidden costs the resident more than it brings (DESIGN.md, "Go"):
// packages that must not be linked, and functions that must not be reached.
var (
	forbidden = []string{
		"net/http", "crypto/tls", "os/exec", "log/slog", "html/template", "debug/elf",
		"github.com/coreos/go-systemd/v22/activation", "github.com/coreos/go-systemd/v22/dbus",
		"github.com/prometheus/client_golang/prometheus", "github.com/containerd/cgroups/v3",
	}
	// cobra imports text/template and the linker leaves it out again, unless
	// somebody sets a template of cobra's or calls reflect's MethodByName.
	unreached = []string{"text/template.(*Template).Execute", "text/template.(*state).walk"}
)

func TestNotLinked(t *testing.T) {
	deps := golist(t, "-deps", ".")
	for _, p := range forbidden {
		if slices.Contains(deps, p) {
			t.Errorf("%s is linked", p)
		}
	}
	binary := filepath.Join(t.TempDir(), "keepone")
	printed(t, "go", "build", "-o", binary, ".")
	symbols := printed(t, "go", "tool", "nm", binary)
	if !strings.Contains(symbols, "main.main") {
		t.Fatal("the binary has no symbols")
	}
	for _, f := range unreached {
		if strings.Contains(symbols, f) {
			t.Errorf("%s is linked", f)
		}
	}
}

// The imports form a star: only the programs below cmd know more than one package
// of ours, and what tests and benchmarks need is never linked.
func TestImportsFormAStar(t *testing.T) {
	for _, line := range golist(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "keepone/...") {
		f := strings.Fields(line)
		for _, imported := range f[1:] {
			if strings.HasPrefix(imported, "keepone/") && !strings.HasPrefix(f[0], "keepone/cmd/") {
				t.Errorf("%s imports its sibling %s", f[0], imported)
			}
		}
	}
}

func golist(t *testing.T, args ...string) []string {
	t.Helper()
	return strings.Split(strings.TrimSpace(printed(t, "go", append([]string{"list"}, args...)...)), "\n")
}

// printed runs a program and returns what it prints.
func printed(t *testing.T, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	var errors strings.Builder
	c.Stderr = &errors
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, errors.String())
	}
	return string(out)
}
