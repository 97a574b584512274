package config

import (
	"slices"
	"testing"
)

// A change is named under exactly one kind, whichever key it is.
func TestChanges(t *testing.T) {
	d := Defaults{Root: true, User: "root", RunDir: "/run/keepone/x"}
	base := []byte("[backend]\ncommand = [\"a\"]\nuser = \"nobody\"\n[environment]\nA = \"1\"\nB = \"2\"\n")
	from, err := Parse("x.toml", base, d)
	if err != nil {
		t.Fatal(err)
	}
	to, err := Parse("x.toml", []byte("[backend]\ncommand = [\"b\"]\nuser = \"nobody\"\ncheck = [\"c\"]\n[socket]\npath = \"/run/y\"\nmode = \"0600\"\n"+
		"[memory]\nhard = \"9MiB\"\n[stop]\nsignal = \"HUP\"\n[environment]\nB = \"3\"\nC = \"\"\n"), d)
	if err != nil {
		t.Fatal(err)
	}
	for takes, want := range map[Takes][]string{
		AtOnce:      {"backend.check", "memory.hard"},
		NextBackend: {"backend.command", "socket.mode", "stop.signal", "environment.A", "environment.B", "environment.C"},
		NextRun:     {"socket.path"},
	} {
		if got := Changes(from, to, takes); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", takes, got, want)
		}
		if got := Changes(from, from, takes); got != nil {
			t.Errorf("%s: nothing changed but %q", takes, got)
		}
	}
}

// The digest follows what a backend is made with and nothing else.
func TestDigest(t *testing.T) {
	c := func() *Config { return Command("x", []string{"a"}, Defaults{RunDir: "/run/x"}) }
	same := c()
	same.Memory.Hard.Bytes, same.Drain.Timeout, same.Socket.Path = 1<<30, 1, "/other"
	if c().Digest() != same.Digest() {
		t.Error("policy changes the digest")
	}
	for name, change := range map[string]func(*Config){
		"command":  func(c *Config) { c.Backend.Command = []string{"a", ""} },
		"variable": func(c *Config) { c.Environment.Variables = map[string]string{"A": "1"} },
		"mode":     func(c *Config) { c.Socket.Mode = 0 },
	} {
		other := c()
		if change(other); other.Digest() == c().Digest() {
			t.Errorf("another %s has the same digest", name)
		}
	}
}
