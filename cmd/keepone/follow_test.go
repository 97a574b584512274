package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// write makes the files of a log: the first is current, the others are its
// predecessors.
func write(t interface{ Fatal(...any) }, path string, texts ...string) {
	for n, text := range texts {
		name := path
		if n > 0 {
			name = numbered(path, n)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The last lines are those of all files together, wherever they are cut.
func TestTailAcrossFiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "k")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "log")
		var texts []string
		all, total := "", 0
		for range rapid.IntRange(1, 4).Draw(t, "files") {
			text := ""
			for range rapid.IntRange(0, 4).Draw(t, "lines") {
				width := rapid.SampledFrom([]int{0, 1, 9, 40_000, 65_535, 65_536}).Draw(t, "width")
				text += fmt.Sprintf("%d%s\n", total, strings.Repeat("x", width))
				total++
			}
			texts, all = append([]string{text}, texts...), all+text
		}
		if rapid.Bool().Draw(t, "partial") {
			texts[0], all, total = texts[0]+"partial", all+"partial", total+1
		}
		write(t, path, texts...)
		n := rapid.IntRange(0, total+2).Draw(t, "n")
		var got strings.Builder
		if err := showLog(&got, path, n, false); err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(strings.TrimSuffix(all, "\n"), "\n")
		if want := strings.Join(lines[max(0, len(lines)-n):], ""); strings.TrimSuffix(got.String(), "\n") != strings.TrimSuffix(want, "\n") {
			t.Fatalf("%d of %d lines: %d bytes, not %d", n, total, got.Len(), len(want))
		}
	})
}

// Between two looks anything may happen to the files.
func TestAdvance(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(path string) error
		want    string
	}{
		"nothing":  {func(string) error { return nil }, ""},
		"appended": {func(p string) error { return appendTo(p, "b\n") }, "b\n"},
		"rotated": {func(p string) error {
			return errors.Join(appendTo(p, "b\n"), os.Rename(p, p+".1"), appendTo(p, "c\n"))
		}, "b\nc\n"},
		"rotated thrice": {func(p string) error {
			return errors.Join(os.Rename(p, p+".3"), os.Remove(p+".1"), appendTo(p+".2", "c\n"), appendTo(p+".1", "d\n"), appendTo(p, "e\n"))
		}, "c\nd\ne\n"},
		"rotated away": {func(p string) error {
			return errors.Join(os.Remove(p), os.Remove(p+".1"), appendTo(p+".1", "y\n"), appendTo(p, "z\n"))
		}, "y\nz\n"},
		"removed":          {os.Remove, ""},
		"removed and made": {func(p string) error { return errors.Join(os.Remove(p), appendTo(p, "b\n")) }, "b\n"},
		"moved, and still written": {func(p string) error {
			return errors.Join(os.Rename(p, p+".old"), os.WriteFile(p, nil, 0o600), appendTo(p+".old", "b\n"))
		}, "b\n"},
		"truncated": {func(p string) error { return errors.Join(os.Truncate(p, 0), appendTo(p, "b\n")) }, "b\n"},
	} {
		path := filepath.Join(t.TempDir(), "log")
		write(t, path, "first and long\n", "older\n")
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(path+".1", old, old); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		f.Seek(0, 2)
		if err := c.happens(path); err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for range 2 { // and nothing twice
			if f, err = advance(&got, f, path); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		f.Close()
		if got.String() != c.want {
			t.Errorf("%s: %q, not %q", name, got.String(), c.want)
		}
	}
}

// logrotate makes the new file before keepone knows of it.
func TestFollowedFileIsStillWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	write(t, path, "")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	look := func(happened ...error) {
		t.Helper()
		f, err = advance(&got, f, path)
		if err := errors.Join(append(happened, err)...); err != nil {
			t.Fatal(err)
		}
	}
	look(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o600))
	look(appendTo(path+".old", "a\n"))
	look(appendTo(path, "b\n"))
	f.Close()
	if got.String() != "a\nb\n" {
		t.Errorf("%q", got.String())
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
