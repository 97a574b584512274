package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What goes with --purge is what keepone wrote, and nothing that is called nearly so.
func TestRotated(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[logs]")
	ok(t, os.Mkdir(dir, 0o755))
	file := filepath.Join(dir, "shop.log")
	for _, name := range []string{"", ".1", ".10", ".", ".1.gz", ".2026-11-01", ".x", "1", ".1 "} {
		ok(t, os.WriteFile(file+name, nil, 0o644))
	}
	if got := rotated(file); !slices.Equal(got, []string{file + ".1", file + ".10"}) {
		t.Errorf("%q", got)
	}
}

// What a site is called in a command that is printed can be pasted.
func TestSay(t *testing.T) {
	w := &wired{name: "shop", file: "/srv/my site/shop.toml", runDir: "/run/keepone/shop"}
	if got := w.say(); got != "shop -c '/srv/my site/shop.toml'" {
		t.Errorf("%q", got)
	}
}
