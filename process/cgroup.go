package process

import (
	"fmt"
	"os"
	"strings"
)

// OwnGroup returns the directory of the cgroup v2 that this process is in, for
// instance /sys/fs/cgroup/system.slice/keepone@web2py.service. It fails where
// no cgroup v2 is mounted.
func OwnGroup() (string, error) {
	mount, err := groupMount()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for entry := range strings.Lines(string(text)) { // "0::/path", cgroups(7)
		if path, ok := strings.CutPrefix(strings.TrimSpace(entry), "0::"); ok {
			return strings.TrimSuffix(mount+path, "/"), nil
		}
	}
	return "", fmt.Errorf("cannot find the own cgroup: no cgroup v2 in /proc/self/cgroup")
}

// groupMount finds where cgroup v2 is mounted: /sys/fs/cgroup, or
// /sys/fs/cgroup/unified beside cgroup v1.
func groupMount() (string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	for entry := range strings.Lines(string(text)) { // proc(5): "... root mountpoint options - type source ..."
		before, after, _ := strings.Cut(entry, " - ")
		if fields := strings.Fields(before); strings.HasPrefix(after, "cgroup2 ") && len(fields) > 4 {
			return fields[4], nil
		}
	}
	return "", fmt.Errorf("cannot find a cgroup v2: none is mounted")
}
