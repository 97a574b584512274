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

// ValidName tells whether a backend may have this name. It becomes part of paths,
// of a systemd instance and of command lines, so it must be nothing else there.
func ValidName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return name != "" && len(name) <= 64 && strings.Trim(name, letters+"._-") == "" && strings.ContainsAny(name[:1], letters)
}

// NameHint is what to say of a name that is not valid.
const NameHint = "letters, digits and . _ - make a name, 64 at most, and the first is a letter or a digit"
