// Package cgroup finds the memory cgroup that keepone's unit owns, says which
// last wall belongs around it, and reads what happened inside.
//
// The wall is put on the unit's own cgroup, by systemd, and never on one below:
// that takes a controller in the unit's cgroup.subtree_control, and with it no
// process can be started in the unit's own directory any more. A keepone that
// is to adopt a living backend would fail with 219/CGROUP.
//
// Sources: cgroups(7), the kernel's cgroup-v2 and cgroup-v1/memory documents,
// systemd.resource-control(5), and systemd's CGROUP_DELEGATION document.
package cgroup

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Group is a cgroup v2 with the memory controller.
type Group struct {
	// Dir is its directory, for instance
	// /sys/fs/cgroup/system.slice/keepone@web2py.service.
	Dir string
	// Unit is the unit of systemd's whose cgroup Dir is, or empty: then what
	// happens in Dir can be watched, but it is not ours to put a wall around.
	Unit string
	// User says that the unit is one of a user's own systemd, not of the
	// system's.
	User bool

	root string // in front of every other path: tests have a tree of their own
}

// Own returns the cgroup of the unit that this process belongs to, also from a
// child directory of it. A unit counts only when its cgroup was delegated
// (Delegate=yes): else others live there, too. keepone started by hand would
// wall in the login session, and started by cron, cron. Without such a unit it
// is the cgroup that this process is in.
//
// It fails where there is no memory cgroup to be had: no cgroup v2, the memory
// controller in a v1 hierarchy, the top of all cgroups, MemoryAccounting=no.
func Own() (Group, error) { return own("") }

func own(root string) (Group, error) {
	at, err := find(root, "")
	if err != nil {
		return Group{}, fmt.Errorf("cannot have a memory cgroup: %w", err)
	}
	g := Group{Dir: root + at.mount + at.path, root: root}
	if u := unitAt(root, at); u.Unit != "" && delegated(u.Dir) && booted(root) {
		g = u
	}
	if _, err := os.Stat(g.Dir + "/memory.max"); err == nil {
		return g, nil
	}
	var hint string
	controllers, _ := os.ReadFile(root + at.mount + "/cgroup.controllers")
	if g.Unit != "" && slices.Contains(strings.Fields(string(controllers)), "memory") {
		hint = " (MemoryAccounting=yes in " + g.Unit + " gives it one)"
	}
	return Group{}, fmt.Errorf("cannot have a memory cgroup: %s has no memory controller%s", g.Dir, hint)
}

// unitAt returns the innermost unit with processes of its own on the way to a
// place, delegated or not, or a Group without one. A user's systemd is a unit of
// the system's that has units of its own, and is none of ours itself.
func unitAt(root string, at place) Group {
	g, end := Group{root: root}, 0
	inner := false // below a user's systemd
	for element := range strings.SplitSeq(at.path, "/") {
		end += len(element)
		name := strings.TrimPrefix(element, "_") // systemd's escape for names such as memory.service
		switch {
		case strings.HasPrefix(name, "user@") && strings.HasSuffix(name, ".service"):
			inner = true
		case strings.HasSuffix(name, ".service"), strings.HasSuffix(name, ".scope"):
			g.Dir, g.Unit, g.User = root+at.mount+at.path[:end], name, inner
		}
		end++ // the slash
	}
	return g
}

// booted says whether systemd is process 1: sd_booted(3). In a container the
// path may name a unit of the host's, whose systemd is out of reach.
func booted(root string) bool {
	_, err := os.Stat(root + "/run/systemd/system")
	return err == nil
}

// delegated says whether systemd has given the cgroup away: it leaves a mark on
// the directory, for the system's units since version 236.
func delegated(dir string) bool {
	var value [8]byte
	for _, name := range [...]string{"trusted.delegate", "user.delegate"} {
		if n, err := unix.Getxattr(dir, name, value[:]); err == nil && string(value[:n]) == "1" {
			return true
		}
	}
	return false
}
