package cgroup

import (
	"errors"
	"math"
	"os"
	"strconv"
)

// None is a limit of no limit.
const None uint64 = math.MaxUint64

// Wall returns the memory.max to set on the unit for a hard limit on the
// backend, in bytes. It lies above hard, for keepone is to act first: it looks
// once a second, and lets requests finish, where the kernel kills; the largest
// in the unit is the backend. And a cgroup is charged for more than the
// backend's resident set: its page tables, socket buffers and the files it has
// read, keepone, the next backend's shim, a program on trial before an upgrade,
// backend.check. Some of that grows with the backend (a quarter), some does not
// (64 MiB).
//
// There is no memory.high. Whoever is above it stands still instead of dying,
// and all who live in the unit with him: keepone itself, the shim of the next
// backend, the systemctl that would move the limit.
func Wall(hard uint64) (max uint64) { return add(hard, add(hard/4, 64<<20)) }

func add(a, b uint64) uint64 {
	if a > None-b {
		return None
	}
	return a + b
}

// Limits returns the bytes at memory.high and memory.max of the cgroup, or None.
// The kernel rounds what was set down to whole pages.
func (g Group) Limits() (high, max uint64) {
	return limit(g.Dir + "/memory.high"), limit(g.Dir + "/memory.max")
}

// Walled says whether somebody has set memory.max until the next boot: keepone
// or an operator, with systemctl set-property --runtime.
func (g Group) Walled() bool {
	for _, file := range g.settings() {
		if _, err := os.Stat(file); err == nil {
			return true
		}
	}
	return false
}

// Fits says whether this memory.max is in force.
func (g Group) Fits(max uint64) bool {
	_, now := g.Limits()
	return pages(max) == now
}

// pages rounds down as the kernel does.
func pages(bytes uint64) uint64 {
	if bytes == None {
		return None
	}
	return bytes - bytes%uint64(os.Getpagesize())
}

// Set returns the command that puts the wall around the unit. It changes no
// process, holds until the next boot, through restarts of the unit and reloads
// of systemd, and turns memory accounting on.
//
// It must not be called where Unit is empty. An administrator's persistent
// set-property wins over it at the next reload of systemd: what is in force is
// what Limits says.
func (g Group) Set(max uint64) (argv []string) {
	return append(g.systemctl("set-property"), "--runtime", g.Unit, "MemoryMax="+property(max))
}

// Unset removes what Set has set, and returns the command after which that is
// in force. MemoryMax=infinity would be another limit of ours, and hide one that
// an administrator wrote into the unit. What is not there is no error.
func (g Group) Unset() (argv []string, err error) {
	for _, file := range g.settings() {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, errors.New("cannot take back the limit of " + g.Unit + ": " + err.Error())
		}
	}
	return g.systemctl("daemon-reload"), nil
}

// settings are the files that systemctl set-property --runtime makes, of a unit
// that has a file and of a transient one: systemd.unit(5), "Unit File Load Path".
func (g Group) settings() [2]string {
	run, control := g.root+"/run/systemd/", "system.control/"
	if g.User {
		run, control = g.root+os.Getenv("XDG_RUNTIME_DIR")+"/systemd/", "user.control/"
	}
	const file = ".d/50-MemoryMax.conf"
	return [2]string{run + control + g.Unit + file, run + "transient/" + g.Unit + file}
}

func (g Group) systemctl(verb string) []string {
	if g.User {
		return []string{"systemctl", "--user", verb}
	}
	return []string{"systemctl", verb}
}

func property(bytes uint64) string {
	if bytes == None {
		return "infinity"
	}
	return strconv.FormatUint(bytes, 10)
}
