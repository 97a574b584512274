package cgroup

import (
	"errors"
	"math"
	"os"
	"strconv"
)

// None is a limit of no limit.
const None uint64 = math.MaxUint64

// Wall returns what to set on the unit for a hard limit on the backend, all in
// bytes. Both lie above hard, for keepone is to act first: it looks once a
// second, and lets requests finish, where the kernel kills. And a cgroup is
// charged for more than the backend's resident set: its page tables, socket
// buffers and the files it has read, keepone, the next backend's shim, a
// program on trial before an upgrade, backend.check. Some of that grows with
// the backend (an eighth), some does not (24 MiB).
//
// Above high the kernel takes file pages back and slows down who allocates, the
// more the further above, but ends nobody. A leak as fast as it can be stood still
// 2 % above a high of 96 MiB, with 80 % pressure, and never came near max (Linux
// 6.1, tried). So a backend does not run away between two samples; but whoever
// sets high has to look at Events and Pressure, and to end a backend that stands
// there. At max, which is left to what passes high in one stroke, the kernel
// kills, and the largest in the unit is the backend.
func Wall(hard uint64) (high, max uint64) {
	return add(hard, hard/8+24<<20), add(hard, hard/4+64<<20)
}

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

// Walled says whether a limit is in force that was set with Set. It cannot tell
// that from an operator's own systemctl set-property --runtime.
func (g Group) Walled() bool {
	for _, file := range g.settings() {
		if _, err := os.Stat(file); err == nil {
			return true
		}
	}
	return false
}

// Fits says whether exactly this wall is in force.
func (g Group) Fits(high, max uint64) bool {
	nowHigh, nowMax := g.Limits()
	return pages(high) == nowHigh && pages(max) == nowMax
}

// Nearer returns, of each limit, the nearer of the wanted one and what is in
// force, and whether that would be news. What is in force and not Walled is an
// administrator's: keepone never moves it away.
func (g Group) Nearer(high, max uint64) (nearHigh, nearMax uint64, news bool) {
	nowHigh, nowMax := g.Limits()
	nearHigh, nearMax = min(pages(high), nowHigh), min(pages(max), nowMax)
	return nearHigh, nearMax, nearHigh != nowHigh || nearMax != nowMax
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
func (g Group) Set(high, max uint64) (argv []string) {
	return append(g.systemctl("set-property"), "--runtime", g.Unit, "MemoryHigh="+property(high), "MemoryMax="+property(max))
}

// Unset removes what Set has set, and returns the command after which that is
// in force. MemoryMax=infinity would be another limit of ours, and hide one that
// an administrator wrote into the unit. What is not there is no error.
func (g Group) Unset() (argv []string, err error) {
	for _, file := range g.settings() {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, errors.New("cannot take back the limits of " + g.Unit + ": " + err.Error())
		}
	}
	return g.systemctl("daemon-reload"), nil
}

// settings are the files that systemctl set-property --runtime makes, of a unit
// that has a file and of a transient one: systemd.unit(5), "Unit File Load Path".
func (g Group) settings() (files []string) {
	run, control := g.root+"/run/systemd/", "system.control/"
	if g.User {
		run, control = g.root+os.Getenv("XDG_RUNTIME_DIR")+"/systemd/", "user.control/"
	}
	for _, dir := range [...]string{run + control, run + "transient/"} {
		files = append(files, dir+g.Unit+".d/50-MemoryHigh.conf", dir+g.Unit+".d/50-MemoryMax.conf")
	}
	return files
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
