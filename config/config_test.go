package config

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asRoot and asUser are who may run keepone in these tests; root and nobody exist everywhere.
var (
	asRoot = Defaults{Root: true, User: "root", RunDir: "/run/keepone/web2py"}
	asUser = Defaults{User: "nobody", RunDir: "/home/me/.local/state/keepone/web2py"}
)

const smallest = "[backend]\ncommand = [\"true\"]\nuser = \"nobody\"\n"

func parse(t *testing.T, text string, d Defaults) *Config {
	t.Helper()
	c, err := Parse("/etc/keepone/web2py.toml", []byte(text), d)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return c
}

func nobody(t *testing.T) account {
	t.Helper()
	a, err := lookupUser("nobody")
	if err != nil {
		t.Skip("there is no user nobody here:", err)
	}
	return a
}

func TestSmallestFileIsCompleted(t *testing.T) {
	group := groupName(nobody(t).gid)
	c := parse(t, smallest, asRoot)
	if c.Name != "web2py" || c.File != "/etc/keepone/web2py.toml" {
		t.Errorf("name %q, file %q", c.Name, c.File)
	}
	want := Socket{Path: "/run/keepone/web2py/web2py.sock", Owner: "nobody", Group: group, Mode: 0o660, Backlog: 4096}
	if c.Socket != want {
		t.Errorf("socket %+v, want %+v", c.Socket, want)
	}
	if c.Backend.Group != group || c.Backend.Groups != nil {
		t.Errorf("backend group %q, groups %q", c.Backend.Group, c.Backend.Groups)
	}
	if got := c.OutputTo(""); got != "/var/log/keepone/web2py.log" {
		t.Errorf("output %q", got)
	}
	c = parse(t, "[backend]\ncommand = [\"true\"]\n", asUser)
	if c.Backend.User != "nobody" || c.Socket.Path != asUser.RunDir+"/web2py.sock" || c.OutputTo("") != asUser.RunDir+"/output.log" {
		t.Errorf("ordinary user: %+v %q", c, c.OutputTo(""))
	}
}

const everything = `
[backend]
command = ["bin/php-cgi", "-c", ""]
directory = "/srv/"
user = 0
groups = [4242]
umask = "077"
handoff = "listen-fds"
[memory]
soft = 100000000
hard = "40%"
action = "warn"
patience = "1ns"
hard_drain = "2ns"
min_life = "3ns"
sample = "5s"
cgroup = "off"
frugal = false
history = "/h"
[webserver]
process = "haproxy"
[alert]
command = ["tell", "me"]
[stop]
signal = "QUIT"
[drain]
timeout = "1m30s"
[ready]
by = "settle"
settle = "500ms"
[limits]
nofile = 1024
core = 0
as = "1GiB"
cpu = "unlimited"
nice = -5
[environment]
files = [".env"]
DEBUG = true
PORT = 8000
NAME = "web"
[control]
operate = []
`

func TestEveryKeyReachesItsField(t *testing.T) {
	nobody(t)
	c := parse(t, everything, asRoot)
	want := Command("web2py", []string{"bin/php-cgi", "-c", ""}, asRoot)
	want.File = c.File
	want.Backend.Directory, want.Backend.User, want.Backend.Group = "/srv", "0", groupName(0)
	want.Backend.Groups, want.Backend.Umask, want.Backend.Handoff = []string{"4242"}, 0o077, "listen-fds"
	want.Memory = Memory{Amount{Bytes: 100_000_000}, Amount{Percent: 40}, "warn", 1, 2, 3, 5 * time.Second, "off", false, "/h"}
	want.WebServer.Process, want.Alert.Command = "haproxy", []string{"tell", "me"}
	want.Stop.Signal, want.Drain.Timeout = syscall.SIGQUIT, 90*time.Second
	want.Ready.By, want.Ready.Settle = "settle", 500*time.Millisecond
	nofile, core, as, cpu, nice := Limit(1024), Limit(0), Limit(1<<30), Unlimited, -5
	want.Limits = Limits{NOFILE: &nofile, Core: &core, AS: &as, CPU: &cpu, Nice: &nice}
	want.Environment = Environment{[]string{".env"}, map[string]string{"DEBUG": "true", "PORT": "8000", "NAME": "web"}}
	want.Socket.Path, want.Socket.Owner, want.Socket.Group = "/run/keepone/web2py/web2py.sock", "0", groupName(0)
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestCommandNeedsNoFile(t *testing.T) {
	nobody(t)
	c := Command("site", []string{"php-cgi"}, asRoot)
	c.Backend.User = "nobody"
	c.Environment.Variables = map[string]string{"A": "b"}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.Socket.Path != "/run/keepone/web2py/site.sock" || c.Socket.Owner != "nobody" || c.Backend.Group == "" {
		t.Errorf("not completed: %+v", c.Socket)
	}
}

func TestValidateChecksWhatWasSetFromGo(t *testing.T) {
	nobody(t)
	for name, breakIt := range map[string]func(*Config){
		"socket.path":          func(c *Config) { c.Socket.Path = "here.sock" },
		"backend.command":      func(c *Config) { c.Backend.Command = nil },
		"backend.user":         func(c *Config) { c.Backend.User = "" },
		"backend.handoff":      func(c *Config) { c.Backend.Handoff = "bind" },
		"socket.backlog":       func(c *Config) { c.Socket.Backlog = 0 },
		"socket.mode":          func(c *Config) { c.Socket.Mode = 0o1777 },
		"drain.timeout":        func(c *Config) { c.Drain.Timeout = -1 },
		"backoff.limit":        func(c *Config) { c.Backoff.Limit = 0 },
		"limits.nofile":        func(c *Config) { n := Limit(10); c.Limits.NOFILE = &n },
		"stop.signal":          func(c *Config) { c.Stop.Signal = 33 },
		"memory.hard":          func(c *Config) { c.Memory.Hard.Bytes = 96 },
		`"A-B"`:                func(c *Config) { c.Environment.Variables = map[string]string{"A-B": ""} },
		"the backend's name":   func(c *Config) { c.Name = "../x" },
		"a NUL":                func(c *Config) { c.Backend.Command = []string{"a\x00b"} },
		"control.read":         func(c *Config) { c.Control.Read = []string{"@no such group"} },
		"not below ready.time": func(c *Config) { c.Ready.By, c.Ready.Settle = "settle", time.Hour },
	} {
		c := Command("site", []string{"php-cgi"}, asRoot)
		c.Backend.User = "nobody"
		breakIt(c)
		err := c.Validate()
		var one *Error
		if !errors.As(err, &one) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		} else if one.Line != 0 || one.File != "" {
			t.Errorf("%s: a position without a file: %+v", name, one)
		}
	}
}

func TestLoad(t *testing.T) {
	nobody(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "site.toml")
	write(t, file, smallest)
	if c, err := Load(file, asRoot); err != nil || c.Name != "site" {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := Load(filepath.Join(dir, "none.toml"), asRoot); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "cannot read "+dir) {
		t.Error(err)
	}
	fifo := filepath.Join(dir, "fifo.toml")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, odd := range []string{dir, fifo, "/dev/zero"} {
		if _, err := Load(odd, asRoot); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", odd, err)
		}
	}
	write(t, file, strings.Repeat("#", largest+1))
	if _, err := Load(file, asRoot); err == nil || !strings.Contains(err.Error(), "larger than 256KiB") {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.toml", "a.toml", "a-b.toml", ".hidden.toml", "a.toml.dpkg-old", "notes", ".toml"} {
		write(t, filepath.Join(dir, name), "")
	}
	if err := os.Mkdir(filepath.Join(dir, "d.toml"), 0o755); err != nil {
		t.Fatal(err)
	}
	got, err := Names(dir)
	if want := []string{"a", "a-b", "b"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if got, err := Names(filepath.Join(dir, "none")); err != nil || len(got) != 0 {
		t.Errorf("a missing directory: %q, %v", got, err)
	}
	if _, err := Names(filepath.Join(dir, "notes")); err == nil {
		t.Error("a file was listed")
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func me(t *testing.T) *user.User {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Skip("this user has no passwd entry:", err)
	}
	return u
}
