package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keepone/config"
)

func TestOddLimits(t *testing.T) {
	c := config.Command("x", []string{"x"}, config.Defaults{})
	for _, l := range []struct {
		soft, hard config.Amount
		want       string
	}{
		{config.Amount{}, config.Amount{}, ""},
		{config.Amount{Percent: 10}, config.Amount{Percent: 20}, ""},
		{config.Amount{Bytes: 1 << 20}, config.Amount{Percent: 90}, ""},
		{config.Amount{Percent: 90}, config.Amount{Bytes: 1 << 20}, "is not below memory.hard"},
		{config.Amount{Bytes: 1 << 60}, config.Amount{}, "will never be passed"},
	} {
		c.Memory.Soft, c.Memory.Hard = l.soft, l.hard
		if got := oddLimits(c, 1<<30); got != "" && l.want == "" || !strings.Contains(got, l.want) {
			t.Errorf("%v and %v: %q", l.soft, l.hard, got)
		}
	}
}

func TestSharedSocket(t *testing.T) {
	dir := t.TempDir()
	load := func(name, socket string) (*config.Config, target) {
		t.Helper()
		at := target{name, filepath.Join(dir, name+".toml"), filepath.Join(dir, name)}
		text := fmt.Sprintf("[backend]\ncommand = [\"x\"]\nuser = \"%d\"\n[socket]\npath = %q\n", os.Getuid(), socket)
		if err := os.WriteFile(at.file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(at.file, defaults(at))
		if err != nil {
			t.Fatal(err)
		}
		return c, at
	}
	blog, at := load("blog", "/run/keepone/blog/blog.sock")
	load("news", "/run/keepone/news/news.sock")
	if got := sharedSocket(blog, at); got != "" {
		t.Error(got)
	}
	load("shop", "/run/keepone/blog/blog.sock")
	if got := sharedSocket(blog, at); !strings.Contains(got, "also that of "+filepath.Join(dir, "shop.toml")) {
		t.Errorf("%q", got)
	}
}
