package install

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Detect tells which init system runs this machine: what process 1 is and has
// left in /run, never what is in PATH, for several may be installed and one runs.
//
// Sources: sd_booted(3); openrc keeps its state in /run/openrc whoever is
// process 1; runit(8) is process 1 itself; anything else named init that has an
// inittab(5) or run levels is taken for SysV.
func Detect() (string, error) { return detect("/") }

func detect(root string) (string, error) {
	in := func(path string) string { return filepath.Join(root, path) }
	text, _ := os.ReadFile(in("/proc/1/comm")) // "" is no init
	one := strings.TrimSpace(string(text))
	switch {
	case exists(in("/run/systemd/system")):
		return "systemd", nil
	case exists(in("/run/openrc/softlevel")):
		return "openrc", nil
	case one == "runit" || exists(in("/run/runit.stopit")):
		return "runit", nil
	case one == "init" && exists(in("/etc/init.d")) && (exists(in("/etc/inittab")) || exists(in("/etc/rc2.d"))):
		return "sysv", nil
	}
	return "", hinted("name it: --init "+strings.Join(Inits, ", --init ")+"; or have whatever starts things here start: keepone run NAME",
		"cannot tell which init system runs here: process 1 is %s", orUnknown(one))
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return fmt.Sprintf("%q", s)
}

// booted tells whether this very init system runs.
func booted(name string) bool {
	found, err := Detect()
	return err == nil && found == name
}
