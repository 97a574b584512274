package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestUnread(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	defer read.Close()
	defer write.Close()
	defer file.Close()
	for _, c := range []struct {
		f    *os.File
		want bool
	}{{null, true}, {write, false}, {file, false}} {
		if got := unread(int(c.f.Fd())); got != c.want {
			t.Errorf("%s: %t", c.f.Name(), got)
		}
	}
	os.Remove(file.Name())
	if !unread(int(file.Fd())) {
		t.Error("a removed file is read")
	}
	if got := forSyslog("keepone: web: warning: odd\n"); got != "<4>web: warning: odd\n" {
		t.Errorf("%q", got)
	}
}
