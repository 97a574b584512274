package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// SystemRunBase is where the backends that root runs have their run directories.
const SystemRunBase = "/run/keepone"

// Dir is where NAME.toml is: /etc/keepone as root, else ~/.config/keepone.
func Dir() string {
	if os.Geteuid() == 0 {
		return "/etc/keepone"
	}
	return filepath.Join(home(), ".config/keepone")
}

// RunBase is where run directories are made. It is never below
// $XDG_RUNTIME_DIR: that is gone at logout and unknown to cron, and two run
// directories would be two interpreters. In a container an image may give
// /run/keepone to whoever runs it; then that is the place, for there is no home
// to speak of.
func RunBase() string {
	if os.Geteuid() == 0 || syscall.Access(SystemRunBase, writable) == nil {
		return SystemRunBase
	}
	return filepath.Join(home(), ".local/state/keepone")
}

const writable = 2 // W_OK of access(2)

func home() string {
	dir, err := os.UserHomeDir()
	if err != nil {
		return "/"
	}
	return dir
}

// ValidName tells whether a backend may have this name. It becomes part of
// paths, so it must not be one.
func ValidName(name string) bool {
	odd := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._+@-", r))
	}
	return name != "" && !strings.ContainsFunc(name, odd) && name[0] != '.' && name[0] != '-'
}

// NameHint is what to say of a name that is not valid.
const NameHint = "letters, digits and . _ + @ - make a name"
