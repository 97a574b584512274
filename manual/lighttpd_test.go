package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// lighttpd takes what keepone-lighttpd(7) shows of its configuration.
func TestLighttpdConfigurations(t *testing.T) {
	if _, err := exec.LookPath("lighttpd"); err != nil {
		t.Skip("no lighttpd: apt-get install lighttpd")
	}
	text, err := os.ReadFile("keepone-lighttpd.7.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, block := range strings.Split(string(text), "\n    server.modules ")[1:] {
		found++
		var conf strings.Builder
		dir := t.TempDir()
		conf.WriteString("server.document-root = \"" + dir + "\"\nserver.modules ")
		for line := range strings.Lines(block) {
			if conf.WriteString(strings.TrimPrefix(line, "    ")); line == "\n" {
				break
			}
		}
		file := filepath.Join(dir, "lighttpd.conf")
		if err := os.WriteFile(file, []byte(conf.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("lighttpd", "-tt", "-f", file).CombinedOutput()
		if err != nil || strings.Contains(string(out), "WARNING") || strings.Contains(string(out), "unknown") {
			t.Errorf("%v: %s\n%s", err, out, conf.String())
		}
	}
	if found < 3 {
		t.Errorf("%d configurations", found)
	}
}
