package config

import (
	"fmt"
	"path/filepath"
	"slices"
)

// complete computes what was left out from what is there. It never overwrites.
func (c *Config) complete() {
	if c.Backend.User == "" && !c.by.Root {
		c.Backend.User = c.by.User
	}
	if a, err := lookupUser(c.Backend.User); err == nil && c.Backend.Group == "" {
		c.Backend.Group = groupName(a.gid)
	}
	if c.Socket.Path == "" {
		c.Socket.Path = filepath.Join(c.by.RunDir, c.Name+".sock")
	}
	if c.Memory.History == "" {
		c.Memory.History = c.by.History
	}
	if c.Socket.Owner == "" {
		c.Socket.Owner = c.Backend.User
	}
	if c.Socket.Group == "" {
		c.Socket.Group = c.Backend.Group
	}
}

// check reports what single keys cannot know.
func (c *Config) check(r *report) {
	if !ValidName(c.Name) {
		r.add("", "use letters, digits, '.', '_' and '-', as in web2py.toml", fmt.Sprintf("cannot use %q as the backend's name", c.Name))
	}
	switch {
	case c.Backend.Command == nil:
		r.missing("backend.command", "backend.command is required")
	case len(c.Backend.Command) == 0 || c.Backend.Command[0] == "":
		r.add("backend.command", "for example: "+keyNamed("backend.command").line(), "backend.command names no program")
	}
	if len(c.Backend.Check) > 0 && c.Backend.Check[0] == "" {
		r.add("backend.check", "leave the key out for no check", "backend.check names no program")
	}
	if _, tcp := c.TCP(); !tcp && !filepath.IsAbs(c.Socket.Path) {
		r.add("socket.path", "for example: "+keyNamed("socket.path").line(), fmt.Sprintf("cannot use socket.path: %q is not an absolute path", c.Socket.Path))
	}
	c.checkMemory(r)
	if c.Ready.By == "settle" && c.Ready.Settle >= c.Ready.Timeout {
		r.add("ready.settle", "the timeout would end every backend before it counts as ready",
			fmt.Sprintf("ready.settle (%s) is not below ready.timeout (%s)", durationText(c.Ready.Settle), durationText(c.Ready.Timeout)))
	}
	if c.Health.Failures > c.Health.Of {
		r.add("health.failures", "", fmt.Sprintf("health.failures (%d) is more than health.of (%d): they would never be reached", c.Health.Failures, c.Health.Of))
	}
	if c.probes() && c.Backend.Protocol != "fastcgi" && (c.Backend.Protocol != "http" || c.Ready.By == "values") {
		r.add("backend.protocol", "", fmt.Sprintf("a backend that speaks %s cannot be asked that; set ready.by to \"accept\" and health.interval to \"0s\"", c.Backend.Protocol))
	}
	if slices.Contains(c.Environment.Files, "") {
		r.add("environment.files", "", "environment.files contains an empty name")
	}
	c.checkIdentity(r)
	for _, grant := range []struct {
		key, optional string
		names         []string
	}{{"control.read", defaultGroup, c.Control.Read}, {"control.operate", "", c.Control.Operate}} {
		if _, err := resolveGrant(grant.names, grant.optional); err != nil {
			r.add(grant.key, "groups are written with an @, as in \"@adm\"", fmt.Sprintf("cannot use %s: %v", grant.key, err))
		}
	}
}

// checkMemory compares what is written alike; a size and a percentage are compared on the machine they are for.
func (c *Config) checkMemory(r *report) {
	m := c.Memory
	alike := (m.Soft.Percent > 0) == (m.Hard.Percent > 0)
	if m.Soft.Set() && m.Hard.Set() && alike && m.Soft.Of(100) >= m.Hard.Of(100) {
		r.add("memory.soft", "leave room between them for the quiet moment to come",
			fmt.Sprintf("memory.soft (%s) is not below memory.hard (%s)", m.Soft, m.Hard))
	}
	if m.Sample == 0 && (m.Soft.Set() || m.Hard.Set()) {
		r.add("memory.sample", "leave the key out, or the limits", "memory.sample is 0s, so no limit would ever be seen to be passed")
	}
	if len(c.Alert.Command) > 0 && c.Alert.Command[0] == "" {
		r.add("alert.command", "leave the key out to tell nobody", "alert.command names no program")
	}
}

// probes says whether keepone itself ever sends a request.
func (c *Config) probes() bool {
	return c.Ready.By == "request" || c.Ready.By == "values" || c.Health.Interval > 0
}

// checkIdentity sees that users and groups exist, and that whoever runs keepone may become or name them.
func (c *Config) checkIdentity(r *report) {
	if c.Backend.User == "" {
		if c.by.Root {
			r.missing("backend.user", `backend.user is required where keepone runs as root (to run the site as root, say user = "root")`)
		}
		return
	}
	c.checkUser(r, "backend.user", c.Backend.User)
	if r.told["backend.user"] {
		return // the rest may be computed from it
	}
	c.checkGroup(r, "backend.group", c.Backend.Group)
	if c.Socket.Owner != c.Backend.User {
		c.checkUser(r, "socket.owner", c.Socket.Owner)
	}
	if c.Socket.Group != c.Backend.Group {
		c.checkGroup(r, "socket.group", c.Socket.Group)
	}
	for _, group := range c.Backend.Groups {
		c.checkGroup(r, "backend.groups", group)
	}
	if c.Backend.Groups != nil && !c.by.Root {
		r.add("backend.groups", needsRoot, "cannot use backend.groups: only root can set supplementary groups")
	}
}

const needsRoot = "leave the key out, or run keepone as root"

func (c *Config) checkUser(r *report, key, name string) {
	if name == "" {
		return
	}
	a, err := lookupUser(name)
	if err != nil {
		r.add(key, "getent passwd lists the users there are", fmt.Sprintf("cannot use %s: %v", key, err))
		return
	}
	if own, err := lookupUser(c.by.User); !c.by.Root && (err != nil || a.uid != own.uid) {
		r.add(key, needsRoot, fmt.Sprintf("cannot use %s %q: keepone runs as %q, and naming another user needs root", key, name, c.by.User))
	}
}

// checkGroup lets an ordinary user name, for the backend, the primary group only (setgid(2) needs root), and for the socket any group
// that chown(2) allows: one the user is a member of.
func (c *Config) checkGroup(r *report, key, name string) {
	if name == "" {
		return
	}
	gid, err := lookupGroup(name)
	if err != nil {
		r.add(key, "getent group lists the groups there are", fmt.Sprintf("cannot use %s: %v", key, err))
		return
	}
	own, err := lookupUser(c.by.User)
	if c.by.Root || err != nil || gid == own.gid {
		return
	}
	if key == "socket.group" {
		if all, err := own.groups(); err != nil || !slices.Contains(all, gid) {
			r.add(key, needsRoot, fmt.Sprintf("cannot use %s %q: %q is not a member of it, and that needs root", key, name, c.by.User))
		}
		return
	}
	r.add(key, needsRoot, fmt.Sprintf("cannot use %s %q: it is not the primary group of %q, and that needs root", key, name, c.by.User))
}
