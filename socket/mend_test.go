package socket

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// mend is Mend of a published Listener for a test.
func mend(t *testing.T, d *Diag, l *Listener) Cure {
	t.Helper()
	c, err := d.Mend(l, true)
	must(t, err)
	return c
}

// names are what the directory of the path holds that may be of our making.
func names(t *testing.T, o Options) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(o.Path))
	must(t, err)
	for _, e := range entries {
		if strings.Contains(e.Name(), ".sock") { // an overlay has others
			all = append(all, e.Name())
		}
	}
	return all
}

// deadSocket leaves a socket file of nobody's at path.
func deadSocket(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	must(t, unix.Close(fd))
}

// everywhere runs the test on the file systems that can be had.
func everywhere(t *testing.T, test func(*testing.T, Options)) {
	t.Run("here", func(t *testing.T) { test(t, options(t)) })
	t.Run("tmpfs", func(t *testing.T) {
		o := options(t)
		onTmpfs(t, filepath.Dir(o.Path))
		test(t, o)
	})
	t.Run("overlay", func(t *testing.T) {
		o := options(t)
		o.Path = onOverlay(t, filepath.Dir(o.Path)) + "/x.sock"
		test(t, o)
	})
}

// Whatever happens to the path that is not somebody's own, the same socket is
// there again, and who waits at it stays.
func TestMendPath(t *testing.T) {
	everywhere(t, func(t *testing.T, o Options) {
		first := published(t, o, 1)
		l := published(t, o, 2)
		d := diag(t)
		must(t, os.Rename(first.hidden(), o.Path+".spare"))
		for what, harm := range map[string]func() error{
			"removed":                 func() error { return os.Remove(o.Path) },
			"moved away":              func() error { return os.Rename(o.Path, o.Path+".old") },
			"over it a dead one":      func() error { deadSocket(t, o.Path+".dead"); return os.Rename(o.Path+".dead", o.Path) },
			"after it a dead one":     func() error { err := os.Remove(o.Path); deadSocket(t, o.Path); return err },
			"a former one of our own": func() error { return os.Rename(o.Path+".spare", o.Path) },
		} {
			if c := mend(t, d, l); c != (Cure{}) {
				t.Errorf("before %s: %+v", what, c)
			}
			waits := connected(t, o.Path)
			must(t, harm())
			if c := mend(t, d, l); c != (Cure{Path: true}) {
				t.Errorf("%s: %+v", what, c)
			}
			after := connected(t, o.Path)
			if q := ask(t, d, l); q.Pending != 2 {
				t.Errorf("%s: %+v", what, q)
			}
			for _, fd := range []int{waits, after, accepted(t, l), accepted(t, l)} {
				unix.Close(fd)
			}
		}
		must(t, os.Remove(o.Path+".old"))
		if got := names(t, o); !slices.Equal(got, []string{".x.sock.g2", "x.sock"}) || !l.Published() {
			t.Errorf("left: %v", got)
		}
		must(t, l.Withdraw())
		must(t, l.Close())
		if got := names(t, o); len(got) != 0 {
			t.Errorf("left: %v", got)
		}
	})
}

// What is not a dead socket stays, is told, and the path is ours once it goes.
func TestMendLeavesOthersAlone(t *testing.T) {
	for want, obstruct := range map[string]func(path string) error{
		"regular file":  func(p string) error { return os.WriteFile(p, []byte("precious"), 0o600) },
		"directory":     func(p string) error { return os.Mkdir(p, 0o700) },
		"symbolic link": func(p string) error { return os.Symlink("/dev/null", p) },
		"FIFO":          func(p string) error { return unix.Mkfifo(p, 0o600) },
	} {
		o := options(t)
		l := published(t, o, 1)
		d := diag(t)
		must(t, os.Remove(o.Path))
		must(t, obstruct(o.Path))
		before := stat(t, o.Path)
		for range 3 {
			c := mend(t, d, l)
			if c.InTheWay == nil || !strings.Contains(c.InTheWay.Error(), want) || c != (Cure{InTheWay: c.InTheWay}) {
				t.Errorf("%s: %+v", want, c)
			}
		}
		if stat(t, o.Path) != before {
			t.Errorf("%s: changed", want)
		}
		must(t, os.Remove(o.Path))
		if c := mend(t, d, l); c != (Cure{Path: true}) {
			t.Errorf("%s removed: %+v", want, c)
		}
	}
}

// A live socket of another program is left, its holder named once, and our own
// put back when that has died.
func TestMendLeavesALiveSocket(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	d := diag(t)
	must(t, os.Remove(o.Path))
	c := &exec.Cmd{Env: []string{"SOCKET_TEST_PATH=" + o.Path}}
	_, err := c.StdinPipe()
	must(t, err)
	play(t, c, "listener")
	first := mend(t, d, l)
	var inUse *InUseError
	if !errors.As(first.InTheWay, &inUse) || len(inUse.Holders) != 1 || inUse.Holders[0].PID != c.Process.Pid {
		t.Fatalf("%+v", first)
	}
	if again := mend(t, d, l); again != first {
		t.Errorf("asked again who it is: %+v", again)
	}
	unix.Close(connected(t, o.Path))
	if q := ask(t, d, l); q.Pending != 0 {
		t.Errorf("stolen: %+v", q)
	}
	c.Process.Kill()
	c.Wait()
	if c := mend(t, d, l); c != (Cure{Path: true}) {
		t.Errorf("%+v", c)
	}
}

// With the directory every name goes: it is made again for another generation.
func TestMendRemovedDirectory(t *testing.T) {
	everywhere(t, func(t *testing.T, o Options) {
		o.Path = filepath.Join(filepath.Dir(o.Path), "a", "b", "x.sock")
		must(t, Prepare(o))
		l := published(t, o, 1)
		d := diag(t)
		top := filepath.Dir(filepath.Dir(o.Path))
		must(t, os.RemoveAll(top))
		if c := mend(t, d, l); !errors.Is(c.Broken, errNoName) || c != (Cure{Broken: c.Broken}) {
			t.Fatalf("%+v", c)
		}
		next := published(t, o, 2)
		if c := mend(t, d, next); c != (Cure{}) {
			t.Errorf("%+v", c)
		}
		must(t, os.Rename(top, top+".old"))
		if c := mend(t, d, next); c != (Cure{Path: true, Spare: true}) {
			t.Errorf("directory moved: %+v", c)
		}
		must(t, os.RemoveAll(top))
		must(t, os.WriteFile(top, nil, 0o600))
		if c := mend(t, d, next); c.InTheWay == nil || c != (Cure{InTheWay: c.InTheWay}) {
			t.Errorf("a file instead of the directory: %+v", c)
		}
	})
}

func TestMendSpareName(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	d := diag(t)
	for _, harm := range []func() error{
		func() error { return os.Remove(l.hidden()) },
		func() error { deadSocket(t, o.Path+".dead"); return os.Rename(o.Path+".dead", l.hidden()) },
	} {
		must(t, harm())
		if c := mend(t, d, l); c != (Cure{Spare: true}) {
			t.Errorf("%+v", c)
		}
		must(t, os.Remove(o.Path))
		if c := mend(t, d, l); c != (Cure{Path: true}) {
			t.Errorf("%+v", c)
		}
	}
	must(t, os.Remove(l.hidden()))
	must(t, os.WriteFile(l.hidden(), nil, 0o600))
	for range 2 {
		if c := mend(t, d, l); c != (Cure{}) || !l.upkeep.alone {
			t.Errorf("%+v", c)
		}
	}
}
