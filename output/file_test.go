package output

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// sayUntil writes lines until one of them is in the file.
func sayUntil(t *testing.T, o *Output, path string) (w Words) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		io.WriteString(o.Writer(), "again\n")
		w = last(t, o, false)
		if b, _ := os.ReadFile(path); strings.HasSuffix(string(b), "again\n") {
			return w
		}
	}
	t.Fatalf("%s was not written again: %+v", path, w)
	return w
}

func TestFileIsMade(t *testing.T) {
	defer unix.Umask(unix.Umask(0o022))
	options := in(t.TempDir())
	o, _ := run(t, options)
	last(t, o, false)
	for path, want := range map[string]os.FileMode{options.To: 0o640, filepath.Dir(options.To): 0o755 | os.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
}

func TestFileIsReopenedWhereItBelongs(t *testing.T) {
	for name, spoil := range map[string]func(file string) error{
		"removed":           os.Remove,
		"directory removed": func(f string) error { return os.RemoveAll(filepath.Dir(f)) },
		"moved":             func(f string) error { return os.Rename(f, f+".old") },
		"truncated":         func(f string) error { return os.Truncate(f, 0) },
	} {
		options := in(t.TempDir())
		o, _ := run(t, options)
		io.WriteString(o.Writer(), "before\n")
		last(t, o, false)
		if err := spoil(options.To); err != nil {
			t.Fatal(err)
		}
		if w := sayUntil(t, o, options.To); w.Cause != nil {
			t.Errorf("%s: %+v", name, w)
		}
		if got := read(t, options.To); strings.Contains(got, "before") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestFileThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	elsewhere := filepath.Join(dir, "precious")
	os.WriteFile(elsewhere, []byte("precious"), 0o600)
	for name, c := range map[string]struct {
		made func(string) error
		want string
	}{
		"link": {func(p string) error { return os.Symlink(elsewhere, p) }, "symbolic link"},
		"dir":  {func(p string) error { return os.Mkdir(p, 0o700) }, "is a directory"},
		"fifo": {func(p string) error { return unix.Mkfifo(p, 0o600) }, "no such device"}, // nobody reads it
	} {
		options := in(t.TempDir())
		options.To = filepath.Join(dir, name)
		if err := c.made(options.To); err != nil {
			t.Fatal(err)
		}
		o, _ := run(t, options)
		io.WriteString(o.Writer(), "12345\n")
		w := last(t, o, false)
		if w.Lost != 6 || w.Cause == nil || !strings.Contains(w.Cause.Error(), c.want) || !strings.Contains(w.Cause.Error(), options.To) {
			t.Errorf("%s: %+v", name, w)
		}
		if len(w.Lines) != 1 {
			t.Errorf("%s: the last words suffer: %q", name, w.Lines)
		}
	}
	if got := read(t, elsewhere); got != "precious" {
		t.Errorf("the target of a link was written: %q", got)
	}
}

func TestFullDeviceLosesAndCounts(t *testing.T) {
	const n = 40_000 // more than the FIFO holds: copying must go on
	options := in(t.TempDir())
	options.To = "/dev/full"
	o, _ := run(t, options)
	c, stdin := backend(t, o, n)
	stdin.Close()
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	w := last(t, o, false)
	if w.Lost != uint64(len(lines(n))) || w.Cause == nil || !strings.Contains(w.Cause.Error(), "cannot write to /dev/full: no space") {
		t.Errorf("%d lost of %d, %v", w.Lost, len(lines(n)), w.Cause)
	}
}

func TestFullDiskThatIsEmptiedAgain(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	dir, disk := t.TempDir(), t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	options := in(dir)
	options.To = filepath.Join(disk, "web.log")
	filler := filepath.Join(disk, "filler")
	if err := os.WriteFile(filler, make([]byte, 32<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	o, _ := run(t, options)
	text := strings.Repeat("0123456789abcde\n", 8<<10/16)
	for range 12 { // 96 KiB
		io.WriteString(o.Writer(), text)
	}
	w := last(t, o, false)
	if got := uint64(len(read(t, options.To))); w.Cause == nil || w.Lost == 0 || got+w.Lost != 96<<10 {
		t.Errorf("%d written, %d lost, %v", got, w.Lost, w.Cause)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if w := sayUntil(t, o, options.To); w.Cause != nil {
		t.Errorf("%v", w.Cause)
	}
}

func TestRotationKeepsLinesWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "output")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		f := &logFile{path: filepath.Join(dir, "f"), limit: rapid.Int64Range(20, 200).Draw(t, "limit"), keep: 2, group: -1, fd: -1}
		defer f.close()
		all := ""
		for i := range rapid.IntRange(1, 60).Draw(t, "chunks") {
			chunk := ""
			for j := range rapid.IntRange(1, 9).Draw(t, "lines") {
				chunk += fmt.Sprintf("%d.%d %s\n", i, j, strings.Repeat("x", rapid.IntRange(0, 10).Draw(t, "x")))
			}
			f.write([]byte(chunk))
			all += chunk
		}
		old, _ := os.ReadFile(f.path + ".1")
		now, err := os.ReadFile(f.path)
		if err != nil || f.lost != 0 || f.cause != nil {
			t.Fatal(err, f.lost, f.cause)
		}
		if got := string(old) + string(now); !strings.HasSuffix(all, got) || int64(len(all)) <= f.limit && got != all {
			t.Fatalf("%q is not the end of %q", got, all)
		}
		for _, b := range [][]byte{old, now} {
			if int64(len(b)) > f.limit || len(b) > 0 && b[len(b)-1] != '\n' {
				t.Fatalf("limit %d: %d bytes, %q", f.limit, len(b), b)
			}
		}
	})
}

func TestRotationOfLongLines(t *testing.T) {
	f := &logFile{path: filepath.Join(t.TempDir(), "f"), limit: 100, keep: 2, group: -1, fd: -1}
	defer f.close()
	f.write([]byte(strings.Repeat("x", 250)))
	if old, now := read(t, f.path+".1"), read(t, f.path); len(old) != 100 || len(now) != 50 || f.lost != 0 {
		t.Errorf("%d and %d bytes, %d lost, %v", len(old), len(now), f.lost, f.cause)
	}
}

func TestRotationThatFailsKeepsTheLimit(t *testing.T) {
	f := &logFile{path: filepath.Join(t.TempDir(), "f"), limit: 10, keep: 2, group: -1, fd: -1}
	defer f.close()
	if err := os.MkdirAll(f.path+".1/in the way", 0o700); err != nil {
		t.Fatal(err)
	}
	f.write([]byte("12345678\n"))
	f.write([]byte("12345678\n"))
	if got := read(t, f.path); got != "12345678\n" || f.lost != 9 || f.cause == nil || !strings.Contains(f.cause.Error(), "cannot rename") {
		t.Errorf("%q, %d lost, %v", got, f.lost, f.cause)
	}
}
