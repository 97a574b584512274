package cgroup

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Room returns the bytes of memory that this process and the backend can have
// at most: the host's RAM, or the smallest limit on their cgroup and those
// above it, in v2 and in v1, whichever is less. That is what a percentage is
// of. With walled, the limit of the unit is keepone's own and does not count:
// else each percentage would be of the one before.
//
// root is empty, or in a test the directory of another tree. It fails where
// the host's RAM is not known.
func Room(root string, walled bool) (bytes uint64, err error) {
	bytes, err = meminfo(root, "MemTotal:")
	if err != nil {
		return 0, fmt.Errorf("cannot tell how much RAM there is: %w", err)
	}
	if at, err := find(root, ""); err == nil {
		unit := unitAt(root, at)
		for dir := range at.ancestry {
			if root+dir == unit.Dir && walled {
				continue
			}
			bytes = min(bytes, limit(root+dir+"/memory.max"))
		}
	}
	if at, err := find(root, "memory"); err == nil {
		for dir := range at.ancestry {
			bytes = min(bytes, limit(root+dir+"/memory.limit_in_bytes"))
		}
	}
	return bytes, nil
}

// Available returns the bytes of memory that this process can still have without
// swapping: what the host has available, or what is left of the smallest limit
// on its cgroup and those above it, in v2 and in v1, whichever is less. A cache
// of files that nobody has used lately (inactive_file of the kernel's documents
// on both) counts as left.
//
// root is as with Room.
func Available(root string) (bytes uint64, err error) {
	bytes, err = meminfo(root, "MemAvailable:")
	if err != nil {
		return 0, fmt.Errorf("cannot tell how much memory is available: %w", err)
	}
	for _, v := range []struct{ controller, limit, usage, cache string }{
		{"", "/memory.max", "/memory.current", "inactive_file "},
		{"memory", "/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_inactive_file "},
	} {
		at, err := find(root, v.controller)
		if err != nil {
			continue
		}
		for dir := range at.ancestry {
			most, used := limit(root+dir+v.limit), limit(root+dir+v.usage)
			if most == None || used == None {
				continue
			}
			used -= min(used, stat(root+dir+"/memory.stat", v.cache))
			bytes = min(bytes, most-min(most, used))
		}
	}
	return bytes, nil
}

// meminfo reads one line of proc_meminfo(5), which counts in KiB.
func meminfo(root, key string) (bytes uint64, err error) {
	text, err := linesWith(root+"/proc/meminfo", key)
	if err != nil {
		return 0, err
	}
	for entry := range strings.Lines(text) {
		if fields := strings.Fields(entry); len(fields) == 3 && fields[0] == key {
			kib, err := strconv.ParseUint(fields[1], 10, 54)
			if err == nil && kib > 0 {
				return kib * 1024, nil
			}
		}
	}
	return 0, fmt.Errorf("no %s in /proc/meminfo", strings.TrimSuffix(key, ":"))
}

// stat reads one number of a memory.stat; 0 where it is not there.
func stat(file, key string) (bytes uint64) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for entry := range strings.Lines(string(text)) {
		if number, ok := strings.CutPrefix(entry, key); ok {
			bytes, _ = strconv.ParseUint(strings.TrimSpace(number), 10, 64)
		}
	}
	return bytes
}

// limit reads one limit of memory; what is no number, or not there, is None.
// v1 writes no limit as a number near 2^63, which is more than any RAM.
func limit(file string) (bytes uint64) {
	text, err := os.ReadFile(file)
	if err != nil {
		return None
	}
	bytes, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return None
	}
	return bytes
}
