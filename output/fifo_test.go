package output

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOnlyAFIFOIsTaken(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "real")
	if err := unix.Mkfifo(real, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, made := range map[string]func(string) error{
		"file":    func(p string) error { return os.WriteFile(p, []byte("x"), 0o600) },
		"dir":     func(p string) error { return os.Mkdir(p, 0o700) },
		"symlink": func(p string) error { return os.Symlink(real, p) },
	} {
		path := filepath.Join(dir, name)
		if err := made(path); err != nil {
			t.Fatal(err)
		}
		before, _ := os.Lstat(path)
		if o, err := Open(Options{FIFO: path, UID: -1, GID: -1}); err == nil {
			o.Close()
			t.Errorf("%s was taken", name)
		} else if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "no FIFO") {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := os.Lstat(path); err != nil || after.Mode() != before.Mode() {
			t.Errorf("%s was changed: %v, %v", name, after, err)
		}
	}
	missing := filepath.Join(dir, "none", "output")
	if _, err := Open(Options{FIFO: missing}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("no directory: %v", err)
	}
}

func TestFIFOIsKeptAndMadeOurs(t *testing.T) {
	defer unix.Umask(unix.Umask(0))
	options := in(t.TempDir())
	if err := unix.Mkfifo(options.FIFO, 0o666); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(options.FIFO)
	o, err := Open(options)
	if err != nil {
		t.Fatal(err)
	}
	o.Close()
	after, err := os.Stat(options.FIFO)
	if err != nil || !os.SameFile(before, after) || after.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", after.Mode(), err)
	}
}

func TestBackendsEndIsBlockingAndReadWrite(t *testing.T) {
	o, err := Open(in(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	flags, err := unix.FcntlInt(o.Writer().Fd(), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_NONBLOCK != 0 || flags&unix.O_ACCMODE != unix.O_RDWR {
		t.Errorf("flags %#x, %v", flags, err)
	}
	if flags, err := unix.FcntlInt(o.Writer().Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("it would leak into children: %#x, %v", flags, err)
	}
	size, err := unix.FcntlInt(o.Writer().Fd(), unix.F_GETPIPE_SZ, 0)
	if err != nil || os.Geteuid() == 0 && size != pipeSize { // others may be limited to less
		t.Errorf("it holds %d bytes, %v", size, err)
	}
}

func TestAnotherUsersFIFO(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a FIFO away")
	}
	options := in(t.TempDir())
	dir := filepath.Dir(options.FIFO)
	options.UID, options.GID = 54321, 54321
	for _, c := range []struct {
		owner   int
		dirMode os.FileMode
		want    string
	}{
		{54321, 0o1777, ""},                     // the backend's own
		{54322, 0o755, ""},                      // of a former backend, in a directory of ours
		{54322, 0o1777, "belongs to uid 54322"}, // anybody could have made it
	} {
		os.Remove(options.FIFO)
		if err := errors.Join(unix.Mkfifo(options.FIFO, 0o600), os.Chown(options.FIFO, c.owner, -1), os.Chmod(dir, 0)); err != nil {
			t.Fatal(err)
		}
		if err := unix.Chmod(dir, uint32(c.dirMode)); err != nil { // 0o1777 is the sticky bit here
			t.Fatal(err)
		}
		o, err := Open(options)
		if err == nil {
			o.Close()
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if info, _ := os.Stat(options.FIFO); err == nil && ownerOf(info) != options.UID {
			t.Errorf("%+v: it belongs to %d", c, ownerOf(info))
		}
	}
}

func TestBackendOfAnotherUserMayOpenDevStderr(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	options := in(t.TempDir())
	options.UID, options.GID = 54321, 54321
	o, _ := run(t, options)
	c := exec.Command("/bin/sh", "-c", "echo by name >/dev/stderr; echo by number >&2")
	c.Dir = "/"
	c.Stdout, c.Stderr = o.Writer(), o.Writer()
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54321, Gid: 54321}}
	if err := c.Run(); err != nil {
		t.Error(err)
	}
	if w := last(t, o, false); !slices.Equal(w.Lines, []string{"by name", "by number"}) {
		t.Errorf("%q", w.Lines)
	}
}

func TestNobodyReadingBlocksButDoesNotFail(t *testing.T) {
	o, err := Open(in(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	o.reader.Close() // as when keepone is dead
	if _, err := io.WriteString(o.Writer(), "still here\n"); err != nil {
		t.Errorf("EPIPE reaches the backend: %v", err)
	}
}

func TestReadingWaitsAgainAfterAnAnswer(t *testing.T) {
	o, err := Open(in(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	o.wake()
	if _, err := o.reader.Read(o.chunk[:]); !os.IsTimeout(err) {
		t.Fatalf("not woken: %v", err)
	}
	o.answer()
	io.WriteString(o.Writer(), "next")
	if n, err := o.reader.Read(o.chunk[:]); n != 4 || err != nil {
		t.Errorf("Run would spin: %d, %v", n, err)
	}
}
