package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const webPath = "/system.slice/system-keepone.slice/keepone@web.service"

func TestOwn(t *testing.T) {
	for _, path := range []string{webPath, webPath + "/child"} {
		root := underSystemd(path).make(t)
		give(t, filepath.Join(root, unit))
		g, err := own(root)
		if err != nil || g.Dir != filepath.Join(root, unit) || g.Unit != "keepone@web.service" || g.User {
			t.Errorf("in %s: %+v, %v", path, g, err)
		}
	}
}

// What systemd has not given away is not ours, and without systemd nobody sets
// anything; it can be watched all the same.
func TestNotOurs(t *testing.T) {
	cases := map[string]struct {
		path   string
		change func(t *testing.T, f tree)
		given  bool
	}{
		"not delegated": {path: webPath},
		"no systemd here": {path: webPath, given: true, change: func(t *testing.T, f tree) {
			delete(f, "run/systemd/system/")
		}},
		"a user's systemd": {path: "/user.slice/user-7.slice/user@7.service", given: true},
		"no unit at all":   {path: "/jobs", given: true},
	}
	for name, c := range cases {
		f := underSystemd(c.path)
		f["sys/fs/cgroup"+c.path+"/memory.max"] = "max\n"
		if c.change != nil {
			c.change(t, f)
		}
		root := f.make(t)
		if c.given {
			give(t, root+"/sys/fs/cgroup"+c.path)
		}
		g, err := own(root)
		if err != nil || g.Unit != "" || g.Dir != root+"/sys/fs/cgroup"+c.path {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
	}
}

func TestUsersUnit(t *testing.T) {
	path := "/user.slice/user-7.slice/user@7.service/app.slice/keepone@web.service"
	f := underSystemd(path)
	f["sys/fs/cgroup"+path+"/memory.max"] = "max\n"
	root := f.make(t)
	give(t, root+"/sys/fs/cgroup"+path)
	if g, err := own(root); err != nil || !g.User || g.Unit != "keepone@web.service" {
		t.Errorf("%+v, %v", g, err)
	}
}

func TestCannotBeHad(t *testing.T) {
	without := func(file string) tree {
		f := underSystemd(webPath)
		delete(f, file)
		return f
	}
	hybrid := underSystemd("/")
	hybrid["proc/self/cgroup"] = "4:memory:/web\n0::/\n"
	hybrid["proc/self/mountinfo"] = v1mount + v2mount
	accounted := without(unit + "/memory.max")
	accounted["sys/fs/cgroup/cgroup.controllers"] = "cpu memory pids\n"
	v1 := without("")
	v1["proc/self/cgroup"], v1["proc/self/mountinfo"] = "4:memory:/web\n", v1mount
	unmounted := without("")
	unmounted["proc/self/mountinfo"] = "23 1 8:1 / / rw - ext4 /dev/a rw\n"
	for name, c := range map[string]struct {
		files tree
		want  string
	}{
		"memory in v1":    {hybrid, "/sys/fs/cgroup has no memory controller"},
		"v1 alone":        {v1, "no cgroup v2 in /proc/self/cgroup"},
		"nothing mounted": {unmounted, "no cgroup v2 is mounted"},
		"no accounting":   {accounted, "MemoryAccounting=yes in keepone@web.service gives it one)"},
		"no controller":   {without(unit + "/memory.max"), "keepone@web.service has no memory controller"},
		"no proc":         {tree{}, "no such file"},
	} {
		root := c.files.make(t)
		if name == "no accounting" || name == "no controller" {
			give(t, filepath.Join(root, unit))
		}
		g, err := own(root)
		if err == nil || !strings.HasPrefix(err.Error(), "cannot have a memory cgroup: ") || !strings.Contains(err.Error(), c.want) ||
			name != "no accounting" && strings.Contains(err.Error(), "Accounting") {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
	}
}

// This machine's own files: whatever they say, Own must understand them.
func TestHere(t *testing.T) {
	g, err := Own()
	if err != nil {
		t.Logf("here: %v", err)
		if _, err := os.Stat("/sys/fs/cgroup/memory"); err != nil {
			return
		}
		at, err := find("", "memory")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(at.mount + at.path + "/memory.limit_in_bytes"); err != nil {
			t.Error(err)
		}
		return
	}
	text, err := os.ReadFile(g.Dir + "/cgroup.controllers")
	if err != nil || !strings.Contains(string(text), "memory") {
		t.Errorf("%+v has the controllers %q, %v", g, text, err)
	}
}

func TestBelow(t *testing.T) {
	for _, c := range []struct{ top, path, want string }{
		{"/", "/", ""},
		{"/", "/a/b", "/a/b"},
		{"/docker/x", "/docker/x", ""},
		{"/docker/x", "/docker/x/b", "/b"},
		{"/docker/x", "/docker/xy", ""},
		{"/docker/x", "/other", ""},
		{"/", "/../b", ""},
	} {
		if got := below(c.top, c.path); got != c.want {
			t.Errorf("%s below %s is %q, want %q", c.path, c.top, got, c.want)
		}
	}
}
