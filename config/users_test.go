package config

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestCredentials(t *testing.T) {
	a := nobody(t)
	c := parse(t, smallest, asRoot)
	uid, gid, groups, err := c.Credentials()
	if err != nil || uid != a.uid || gid != a.gid || groups == nil {
		t.Errorf("nobody: %d %d %v %v", uid, gid, groups, err)
	}
	c = parse(t, "[backend]\ncommand = [\"a\"]\nuser = "+strconv.Itoa(a.uid)+"\ngroup = 0\ngroups = []\n", asRoot)
	if uid, gid, groups, err = c.Credentials(); err != nil || uid != a.uid || gid != 0 || groups == nil || len(groups) != 0 {
		t.Errorf("by number: %d %d %v %v", uid, gid, groups, err)
	}
	c = parse(t, smallest+"groups = [4242, \"root\"]", asRoot)
	if _, _, groups, err = c.Credentials(); err != nil || !slices.Equal(groups, []int{4242, 0}) {
		t.Errorf("groups: %v %v", groups, err)
	}
	c = parse(t, "[backend]\ncommand = [\"a\"]\n", asUser)
	if uid, gid, groups, err = c.Credentials(); err != nil || uid != -1 || gid != -1 || groups != nil {
		t.Errorf("ordinary user: %d %d %v %v", uid, gid, groups, err)
	}
	c.by.Root, c.Backend.User = true, "no such"
	if _, _, _, err = c.Credentials(); err == nil {
		t.Error("an unknown user has credentials")
	}
}

// A number without a passwd entry is a user all the same, in a group of that number.
func TestUserWithoutEntry(t *testing.T) {
	c := parse(t, "[backend]\ncommand = [\"a\"]\nuser = 4242\n", asRoot)
	uid, gid, groups, err := c.Credentials()
	if err != nil || uid != 4242 || gid != 4242 || !slices.Equal(groups, []int{4242}) {
		t.Errorf("%d %d %v %v", uid, gid, groups, err)
	}
	env, err := c.Environ()
	if err != nil || !slices.Contains(env, "HOME=/") || !slices.Contains(env, "USER=4242") {
		t.Errorf("%q, %v", env, err)
	}
	c = parse(t, "[backend]\ncommand = [\"a\"]\n", Defaults{User: "4242", RunDir: "/x"})
	if uid, gid, _, err = c.Credentials(); err != nil || uid != -1 || gid != -1 || c.Backend.User != "4242" {
		t.Errorf("as 4242 itself: %d %d %v", uid, gid, err)
	}
}

func TestSocketOwner(t *testing.T) {
	a := nobody(t)
	for _, test := range []struct {
		text     string
		d        Defaults
		uid, gid int
	}{
		{smallest, asRoot, a.uid, a.gid},
		{smallest + "[socket]\nowner = \"root\"\ngroup = 4242\n", asRoot, 0, 4242},
		{smallest, asUser, -1, -1},
		{smallest + "[socket]\ngroup = " + strconv.Itoa(a.gid), asUser, -1, a.gid},
	} {
		uid, gid, err := parse(t, test.text, test.d).SocketOwner()
		if err != nil || uid != test.uid || gid != test.gid {
			t.Errorf("%q: %d %d %v, want %d %d", test.text, uid, gid, err, test.uid, test.gid)
		}
	}
}

// TestSocketOwnerOfAMember takes a real user from /etc/group who is in a group besides the primary one.
func TestSocketOwnerOfAMember(t *testing.T) {
	text, err := os.ReadFile("/etc/group")
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n") {
		fields := strings.Split(line, ":")
		member, _, _ := strings.Cut(fields[len(fields)-1], ",")
		a, err := lookupUser(member)
		if err != nil || len(fields) != 4 || fields[2] == strconv.Itoa(a.gid) {
			continue
		}
		c := parse(t, "[backend]\ncommand = [\"a\"]\n[socket]\ngroup = "+fields[2], Defaults{User: member, RunDir: "/x"})
		if uid, gid, err := c.SocketOwner(); err != nil || uid != -1 || strconv.Itoa(gid) != fields[2] {
			t.Errorf("%s: %d %d %v", line, uid, gid, err)
		}
		return
	}
	t.Skip("no user here is a member of a second group")
}

func TestControlAccess(t *testing.T) {
	a := nobody(t)
	c := parse(t, smallest+"[control]\nread = [\"@adm\", \"@0\"]\noperate = [\"nobody\", 0]\n", asRoot)
	read, operate, err := c.ControlAccess()
	want := []int{0}
	if gid, err := lookupGroup("adm"); err == nil {
		want = []int{gid, 0}
	}
	if err != nil || !slices.Equal(read.GIDs, want) || read.UIDs != nil {
		t.Errorf("read %+v, %v", read, err)
	}
	if !slices.Equal(operate.UIDs, []int{a.uid, 0}) || operate.GIDs != nil {
		t.Errorf("operate %+v", operate)
	}
	c.Control.Operate = []string{"@no such"}
	if read, _, err := c.ControlAccess(); err == nil || read.GIDs != nil {
		t.Errorf("an unknown group gives %+v, %v", read, err)
	}
}

func TestOnlyTheOptionalGroupMayBeMissing(t *testing.T) {
	if g, err := resolveGrant([]string{"@no such", "@0"}, "@no such"); err != nil || !slices.Equal(g.GIDs, []int{0}) {
		t.Errorf("%+v, %v", g, err)
	}
	if g, err := resolveGrant([]string{"@no such"}, ""); err == nil {
		t.Errorf("%+v", g)
	}
}

func TestParseID(t *testing.T) {
	for s, want := range map[string]int{"0": 0, "65534": 65534, "4294967294": 4294967294, "4294967295": -1, "-1": -1, "": -1, "x": -1, "99999999999999999999": -1} {
		if got := parseID(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}
