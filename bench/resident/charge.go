package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// charges are directories below one of our own where the kernel accounts memory: one for each peer, and one for all of
// the backends, which are nobody's cost here. A nil one is no accounting.
type charges struct {
	dir string
	v2  bool
}

const hierarchy = "/sys/fs/cgroup"

// newCharges makes our directory: in the memory hierarchy of cgroup v1, else in cgroup v2 where the memory controller is
// handed out at the root. Only root can.
func newCharges() (*charges, error) {
	root, v2 := filepath.Join(hierarchy, "memory"), false
	if _, err := os.Stat(root); err != nil {
		root, v2 = hierarchy, true
		given, err := os.ReadFile(filepath.Join(root, "cgroup.subtree_control"))
		if err != nil {
			return nil, err
		}
		if !strings.Contains(string(given), "memory") {
			return nil, fmt.Errorf("%s hands no memory controller out", root)
		}
	}
	c := &charges{filepath.Join(root, fmt.Sprintf("keepone-bench.%d", os.Getpid())), v2}
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		return nil, err
	}
	var err error
	if v2 {
		err = os.WriteFile(filepath.Join(c.dir, "cgroup.subtree_control"), []byte("+memory"), 0)
	}
	return c, errors.Join(err, os.Mkdir(filepath.Join(c.dir, "backends"), 0o755))
}

// add makes the directory of a peer and returns it, "" without accounting. Of cgroup v2 a peer must not make any below
// its own: keepone would keep its backend there, and the backend leaves for another.
func (c *charges) add(name string) (string, error) {
	if c == nil {
		return "", nil
	}
	dir := filepath.Join(c.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil || !c.v2 {
		return dir, err
	}
	return dir, os.WriteFile(filepath.Join(dir, "cgroup.max.descendants"), []byte("0"), 0)
}

// backends is the directory into which every backend goes before it is one.
func (c *charges) backends() string {
	if c == nil {
		return ""
	}
	return filepath.Join(c.dir, "backends")
}

// read is how many bytes the kernel charges to a directory now.
func (c *charges) read(dir string) (uint64, error) {
	file := "memory.usage_in_bytes"
	if c.v2 {
		file = "memory.current"
	}
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
}

// remove removes all. A directory stays busy for a moment after its last process was reaped.
func (c *charges) remove() error {
	if c == nil {
		return nil
	}
	dirs, err := filepath.Glob(filepath.Join(c.dir, "*", "cgroup.procs"))
	for _, procs := range dirs {
		err = errors.Join(err, rmdir(filepath.Dir(procs)))
	}
	return errors.Join(err, rmdir(c.dir))
}

func rmdir(dir string) (err error) {
	for range 200 {
		if err = os.Remove(dir); err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}
