package install

import (
	"strings"
	"testing"
)

// What is not ours in the service's directory outlives it: its log service, and
// what that has kept.
func TestRunitLeavesOthers(t *testing.T) {
	h := newHost(t)
	h.file("/etc/service/.keep", "")
	task := h.task("runit")
	task.NoStart = true
	for _, others := range []string{"", "/etc/sv/keepone-php/log/main/current"} {
		if err := task.Install(); err != nil {
			t.Fatal(err)
		}
		if !there("/etc/service/keepone-php") || !ours("/etc/sv/keepone-php/run") {
			t.Fatal(h.said())
		}
		h.file("/etc/sv/keepone-php/supervise/lock", "")
		if others != "" {
			h.file(others, "text")
		}
		if err := task.Uninstall(false); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/etc/service/keepone-php", "/etc/sv/keepone-php/run", "/etc/sv/keepone-php/finish", "/etc/sv/keepone-php/supervise"} {
			if there(path) {
				t.Errorf("%s is left", path)
			}
		}
		out := h.said()
		if others == "" && there("/etc/sv/keepone-php") {
			t.Error("an empty directory is left")
		} else if others != "" && (h.read(others) != "text" || !strings.Contains(out, "left alone: what else is in")) {
			t.Errorf("%s is %q, and said is\n%s", others, h.read(others), out)
		}
	}
}
