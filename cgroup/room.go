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
	bytes, err = ram(root)
	if err != nil {
		return 0, err
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

// ram reads MemTotal: proc_meminfo(5), in KiB.
func ram(root string) (bytes uint64, err error) {
	text, err := linesWith(root+"/proc/meminfo", "MemTotal:")
	if err != nil {
		return 0, fmt.Errorf("cannot tell how much RAM there is: %w", err)
	}
	for entry := range strings.Lines(text) {
		if fields := strings.Fields(entry); len(fields) == 3 && fields[0] == "MemTotal:" {
			kib, err := strconv.ParseUint(fields[1], 10, 54)
			if err == nil && kib > 0 {
				return kib * 1024, nil
			}
		}
	}
	return 0, fmt.Errorf("cannot tell how much RAM there is: no MemTotal in /proc/meminfo")
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
