package main

import (
	"fmt"
	"os"
	"path/filepath"

	"keepone/config"
)

// explainMemory says what percentages are on this machine, now, and what no
// table of keys can: whether they make sense together.
func explainMemory(c *config.Config, all uint64) {
	soft, hard := c.Memory.Soft.Of(all), c.Memory.Hard.Of(all)
	if c.Memory.Soft.Percent > 0 {
		fmt.Printf("\n# memory.soft: %s of %s are %s\n", c.Memory.Soft, size(all), size(soft))
	}
	if c.Memory.Hard.Percent > 0 {
		fmt.Printf("\n# memory.hard: %s of %s are %s\n", c.Memory.Hard, size(all), size(hard))
	}
}

// oddLimits are those that only this machine shows to be wrong; "" where they
// are not.
func oddLimits(c *config.Config, all uint64) string {
	soft, hard := c.Memory.Soft.Of(all), c.Memory.Hard.Of(all)
	switch {
	case soft > 0 && hard > 0 && soft >= hard:
		return fmt.Sprintf("memory.soft (%s, here %s) is not below memory.hard (%s, here %s): no restart will wait for a quiet moment",
			c.Memory.Soft, size(soft), c.Memory.Hard, size(hard))
	case all > 0 && max(soft, hard) > all:
		return fmt.Sprintf("a memory limit is above all the memory there is, %s: it will never be passed", size(all))
	}
	return ""
}

// oddHistory says that there is nowhere to save the history; "" where there is.
// The directories of the defaults are made.
func oddHistory(c *config.Config) string {
	dir := filepath.Dir(c.Memory.History)
	if st, err := os.Stat(dir); err == nil && st.IsDir() || dir == stateDir || dir == config.RunBase() {
		if st, err := os.Stat(c.Memory.History); err == nil && !st.Mode().IsRegular() {
			return fmt.Sprintf("memory.history %s is no regular file: the history will not outlive keepone", c.Memory.History)
		}
		return ""
	}
	return fmt.Sprintf("memory.history %s: there is no directory %s, so the history will not outlive keepone", c.Memory.History, dir)
}

// sharedSocket names another site in the same directory with the same
// socket.path: whichever keepone comes second is refused. "" for none.
func sharedSocket(c *config.Config, t target) string {
	dir := filepath.Dir(t.file)
	names, _ := config.Names(dir) // what cannot be listed is not compared
	for _, name := range names {
		other := target{name, filepath.Join(dir, name+".toml"), filepath.Join(config.RunBase(), name)}
		if name == t.name || other.file == t.file {
			continue
		}
		if o, err := config.Load(other.file, defaults(other)); err == nil && o.Socket.Path == c.Socket.Path {
			return fmt.Sprintf("socket.path %s is also that of %s: only one of the two can run", c.Socket.Path, other.file)
		}
	}
	return ""
}
