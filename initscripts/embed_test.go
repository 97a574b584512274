package initscripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var scripts = map[string]string{"init": LSB, "openrc": OpenRC, "run": Run, "finish": Finish, "default": Default}

// Whoever runs keepone runs the one that the packages bring.
func TestProgram(t *testing.T) {
	program := regexp.MustCompile(`/usr/[\w/.-]*keepone\b|/opt/[\w/.-]*keepone\b`)
	for name, text := range map[string]string{
		"unit": Unit, "user unit": UserUnit, "metrics": MetricsUnit, "init": LSB, "openrc": OpenRC, "run": Run, "inittab": Inittab,
	} {
		if !strings.Contains(text, "/usr/bin/keepone") {
			t.Errorf("%s does not run /usr/bin/keepone:\n%s", name, text)
		}
		for _, path := range program.FindAllString(text, -1) {
			if path != "/usr/bin/keepone" {
				t.Errorf("%s runs %s", name, path)
			}
		}
	}
}

// A POSIX shell understands the scripts, and shellcheck finds nothing where it is
// installed.
func TestShell(t *testing.T) {
	for name, text := range scripts {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("sh", "-n", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if _, err := exec.LookPath("shellcheck"); err != nil {
			continue
		}
		// What it cannot see: files that are sourced, and variables that others read.
		if out, err := exec.Command("shellcheck", "-s", "dash", "-e", "SC1091,SC2034", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// The package enables nothing.
func TestDefaultNamesNobody(t *testing.T) {
	if !strings.Contains(Default, "\nNAMES=\"\"\n") {
		t.Errorf("/etc/default/keepone is\n%s", Default)
	}
}

// inittab(5): id:runlevels:action:process, an id of at most 4 characters, a process
// of at most 127.
func TestInittab(t *testing.T) {
	lines := regexp.MustCompile(`(?m)^[^#\n].*$`).FindAllString(Inittab, -1)
	if len(lines) != 1 || !regexp.MustCompile(`^[^:]{1,4}:2345:respawn:.{1,127}$`).MatchString(lines[0]) || !strings.Contains(lines[0], " NAME ") {
		t.Errorf("%q", lines)
	}
}
