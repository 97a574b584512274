package cgroup

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A tree is a root directory of a system that is not there: file to content.
type tree map[string]string

const (
	v2mount = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	v1mount = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
	v1other = "36 31 0:33 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
	unit    = "sys/fs/cgroup/system.slice/system-keepone.slice/keepone@web.service"
)

// make writes the tree to a directory of its own. A name that ends in a slash
// is a directory.
func (f tree) make(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range f {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if name[len(name)-1] == '/' {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		write(t, path, text)
	}
	return root
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// underSystemd is keepone's unit as systemd makes it; path is that of the
// process in /proc/self/cgroup.
func underSystemd(path string) tree {
	return tree{
		"proc/self/cgroup":    "0::" + path + "\n",
		"proc/self/mountinfo": v1other + v2mount,
		"proc/meminfo":        "MemTotal:        1024000 kB\nMemFree:          10000 kB\n",
		"run/systemd/system/": "",
		unit + "/memory.max":  "max\n",
		unit + "/memory.high": "max\n",
		unit + "/child/":      "",
		"sys/fs/cgroup/system.slice/system-keepone.slice/memory.max": "max\n",
	}
}

// give marks a directory as systemd marks one that it has delegated.
func give(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"user.delegate", "trusted.delegate"} {
		if err := unix.Setxattr(dir, name, []byte("1"), 0); err == nil {
			return
		} else if name == "trusted.delegate" {
			t.Skipf("no extended attributes in %s: %v", dir, err)
		}
	}
}
