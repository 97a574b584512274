package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whether a user's systemd runs is different at each login: what was installed
// in the other way is undone, too, and a site is never started twice.
func TestOtherWay(t *testing.T) {
	table := fakeCrontab(t)
	bus := filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "systemd/private")
	crontab := strings.SplitN(os.Getenv("PATH"), ":", 2)[0]
	script := "#!/bin/sh\n[ -e " + bus + " ] || exit 1\ncase $2 in is-enabled) echo enabled ;; is-active) echo inactive ;; esac\n"
	home := t.TempDir()
	t.Setenv("HOME", home)
	unit := filepath.Join(home, ".config/systemd/user/keepone@php.service")
	wants := filepath.Join(home, ".config/systemd/user/default.target.wants/keepone@php.service")
	for path, text := range map[string]string{filepath.Join(crontab, "systemctl"): script, bus: ""} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	runs := func(yes bool) {
		if os.Remove(bus); yes {
			if err := os.WriteFile(bus, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	task := func() *Task {
		u := userTask(t)
		u.UserUnit = "[Service]\nExecStart=/usr/bin/keepone run %i\n"
		return u
	}
	is := func(when string, err error, inCrontab, inUnit bool) {
		t.Helper()
		text, _ := os.ReadFile(table) // none is empty
		if err != nil || strings.Contains(string(text), "keepone install php") != inCrontab || there(unit) != inUnit || there(wants) && !inUnit {
			t.Errorf("%s: %v; the crontab is %q, and the unit there: %v, %v", when, err, text, there(unit), there(wants))
		}
	}
	runs(false)
	is("without systemd", task().Install(), true, false)
	runs(true)
	is("uninstalled with it", task().Uninstall(false), false, false)
	runs(false)
	is("without systemd again", task().Install(), true, false)
	runs(true)
	is("then with it", task().Install(), false, true)
	if err := os.MkdirAll(filepath.Dir(wants), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(unit, wants); err != nil {
		t.Fatal(err)
	}
	runs(false)
	is("uninstalled without it", task().Uninstall(false), false, false)
}
