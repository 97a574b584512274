package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	more = 2    // descriptors that an upgrade may add, as TestUpgrade says
	flat = 4500 // KiB of keepone anonymous, however much befell it
)

var generation = regexp.MustCompile(`\.g[0-9]+$`)

// left is what there is in the run directory, which is the socket's too; generations are all alike.
func (c *chaos) left() []string {
	c.t.Helper()
	entries, err := os.ReadDir(c.run)
	c.must(err)
	var names []string
	for _, e := range entries {
		names = append(names, generation.ReplaceAllString(e.Name(), ".gN"))
	}
	return names
}

// rest demands that all that happened has left nothing behind, within the time that keepone has to give memory back.
func (c *chaos) rest() {
	c.t.Helper()
	c.settle()
	litter := ""
	for deadline := time.Now().Add(promised); ; c.pause(100 * time.Millisecond) {
		if litter = c.litter(); litter == "" {
			break
		}
		if time.Now().After(deadline) {
			c.violated("at rest, after %v: %s", promised, litter)
		}
	}
	c.judge()
	text := fmt.Sprintf("at rest: %d descriptors, %d KiB (%d KiB anonymous), web server %d KiB", descriptors(c.t, c.supervisor.pid()),
		c.memory("VmRSS"), c.memory("RssAnon"), memory(c.t, c.web.pid(), "VmRSS"))
	c.note("%s", text)
	c.t.Logf("%d events; %s", c.number, text)
}

func (c *chaos) memory(field string) int { return memory(c.t, c.supervisor.pid(), field) }

// alone demands that no two backends have run at a time.
func (c *chaos) alone() {
	c.t.Helper()
	if two, _ := os.ReadFile(c.path("violations")); len(two) > 0 { // no file, no violation
		c.violated("two backends ran at a time: %s", two)
	}
}

// litter is what should not be there on a site at rest; "" is nothing.
func (c *chaos) litter() string {
	c.t.Helper()
	c.alone()
	pid := c.supervisor.pid()
	ours := []int{pid, c.web.pid(), c.last().pid}
	slices.Sort(ours)
	now := c.processes()
	if slices.Sort(now); !slices.Equal(now, ours) {
		return fmt.Sprintf("processes %v run, and should be %v", now, ours)
	}
	if z := zombies(pid); len(z) > 0 {
		return fmt.Sprintf("keepone has not reaped %v", z)
	}
	if n := descriptors(c.t, pid); n > c.fds+more {
		return fmt.Sprintf("%d descriptors, %d at the start", n, c.fds)
	}
	if now := c.left(); !slices.Equal(now, c.files) {
		return fmt.Sprintf("files %s, at the start %s", now, c.files)
	}
	if groups := cgroups(filepath.Base(c.dir)); len(groups) > 1 {
		return "cgroups " + strings.Join(groups, ", ")
	}
	if anon := c.memory("RssAnon"); anon > flat {
		return fmt.Sprintf("keepone has %d KiB anonymous, promised %d KiB", anon, flat)
	}
	return c.queue()
}

// queue is what is wrong with it: visitors come all the time, but soon none waits.
func (c *chaos) queue() string {
	c.t.Helper()
	if st, ok := c.status(); !ok || st.Queue.Pending > 0 {
		return fmt.Sprintf("%d wait, state %q", st.Queue.Pending, st.State)
	}
	return ""
}
