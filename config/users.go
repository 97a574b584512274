package config

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// account is what keepone needs of a passwd entry (passwd(5)).
type account struct {
	name, home string
	uid, gid   int
	entry      *user.User // nil for a number without one
}

// lookupUser finds a user by name, else by number. A number needs no entry: a container may have no /etc/passwd, and be run as
// whomever the host likes. Then the name is the number, so is the group, unless it is who runs keepone, and home is "/".
func lookupUser(name string) (account, error) {
	u, err := user.Lookup(name)
	id := parseID(name)
	if err != nil && id >= 0 {
		u, err = user.LookupId(name)
	}
	var byName user.UnknownUserError
	var byID user.UnknownUserIdError
	switch {
	case id >= 0 && (errors.As(err, &byID) || errors.Is(err, fs.ErrNotExist)):
		a := account{name: name, home: "/", uid: id, gid: id}
		if id == os.Geteuid() {
			a.gid = os.Getegid()
		}
		return a, nil
	case errors.As(err, &byName), errors.As(err, &byID):
		return account{}, fmt.Errorf("unknown user %q", name)
	case err != nil:
		return account{}, fmt.Errorf("cannot look up user %q: %w", name, err)
	}
	a := account{name: u.Username, home: u.HomeDir, uid: parseID(u.Uid), gid: parseID(u.Gid), entry: u}
	if a.uid < 0 || a.gid < 0 {
		return account{}, fmt.Errorf("cannot use user %q: its passwd entry has no valid ids", name)
	}
	return a, nil
}

// groups is the primary and the supplementary groups, as initgroups(3) would set them.
func (a account) groups() ([]int, error) {
	if a.entry == nil {
		return []int{a.gid}, nil
	}
	ids, err := a.entry.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("cannot look up the groups of %q: %w", a.name, err)
	}
	all := make([]int, 0, len(ids))
	for _, id := range ids {
		if gid := parseID(id); gid >= 0 {
			all = append(all, gid)
		}
	}
	return all, nil
}

// lookupGroup finds a group by name; a number needs no entry.
func lookupGroup(name string) (int, error) {
	g, err := user.LookupGroup(name)
	var unknown user.UnknownGroupError
	switch {
	case err == nil && parseID(g.Gid) >= 0:
		return parseID(g.Gid), nil
	case parseID(name) >= 0:
		return parseID(name), nil
	case err == nil || errors.As(err, &unknown):
		return -1, fmt.Errorf("unknown group %q", name)
	}
	return -1, fmt.Errorf("cannot look up group %q: %w", name, err)
}

func groupName(gid int) string {
	id := strconv.Itoa(gid)
	g, err := user.LookupGroupId(id)
	if err != nil {
		return id
	}
	// A name that is itself a number, or leads elsewhere, would not come back as this group.
	if back, err := lookupGroup(g.Name); err != nil || back != gid {
		return id
	}
	return g.Name
}

// parseID gives -1 for what is no id, and for 4294967295, which chown(2) and setuid(2) take for "leave it".
func parseID(s string) int {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == math.MaxUint32 {
		return -1
	}
	return int(n)
}

// Credentials is who the backend is to run as, looked up now: uid, gid and supplementary groups (setgroups(2); never nil as root).
// An ordinary user cannot change them: -1, -1 and nil, leave as they are.
func (c *Config) Credentials() (uid, gid int, groups []int, err error) {
	if !c.by.Root {
		return -1, -1, nil, nil
	}
	a, err := lookupUser(c.Backend.User)
	if err != nil {
		return -1, -1, nil, fmt.Errorf("cannot use backend.user: %w", err)
	}
	if gid, err = lookupGroup(c.Backend.Group); err != nil {
		return -1, -1, nil, fmt.Errorf("cannot use backend.group: %w", err)
	}
	if c.Backend.Groups == nil {
		groups, err = a.groups()
		return a.uid, gid, groups, err
	}
	groups = make([]int, len(c.Backend.Groups))
	for i, name := range c.Backend.Groups {
		if groups[i], err = lookupGroup(name); err != nil {
			return -1, -1, nil, fmt.Errorf("cannot use backend.groups: %w", err)
		}
	}
	return a.uid, gid, groups, nil
}

// SocketOwner is what to chown(2) the listening socket to; -1 is leave as it is, for an ordinary user always the uid, and the gid
// unless socket.group names another group than the user's own.
func (c *Config) SocketOwner() (uid, gid int, err error) {
	if !c.by.Root && c.Socket.Group == c.Backend.Group {
		return -1, -1, nil
	}
	if gid, err = lookupGroup(c.Socket.Group); err != nil {
		return -1, -1, fmt.Errorf("cannot use socket.group: %w", err)
	}
	if !c.by.Root {
		return -1, gid, nil
	}
	a, err := lookupUser(c.Socket.Owner)
	if err != nil {
		return -1, -1, fmt.Errorf("cannot use socket.owner: %w", err)
	}
	return a.uid, gid, nil
}

// Grant lists users and groups that may use the control socket.
type Grant struct{ UIDs, GIDs []int }

// ControlAccess is control.read and control.operate, looked up now. A missing "@adm" in control.read is left out: it is the
// default, and not every system has the group.
func (c *Config) ControlAccess() (read, operate Grant, err error) {
	if read, err = resolveGrant(c.Control.Read, defaultGroup); err != nil {
		return Grant{}, Grant{}, fmt.Errorf("cannot use control.read: %w", err)
	}
	if operate, err = resolveGrant(c.Control.Operate, ""); err != nil {
		return Grant{}, Grant{}, fmt.Errorf("cannot use control.operate: %w", err)
	}
	return read, operate, nil
}

// defaultGroup may read the status, where the group exists.
const defaultGroup = "@adm"

// resolveGrant looks up users and @groups; the optional name may be missing.
func resolveGrant(names []string, optional string) (Grant, error) {
	var g Grant
	for _, name := range names {
		group, isGroup := strings.CutPrefix(name, "@")
		if !isGroup {
			a, err := lookupUser(name)
			if err != nil {
				return Grant{}, err
			}
			g.UIDs = append(g.UIDs, a.uid)
			continue
		}
		gid, err := lookupGroup(group)
		switch {
		case err == nil:
			g.GIDs = append(g.GIDs, gid)
		case name != optional:
			return Grant{}, err
		}
	}
	return g, nil
}
