package socket

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestPrepareMakesDirectories(t *testing.T) {
	o := options(t)
	top := filepath.Dir(o.Path)
	must(t, os.Chmod(top, 0o711))
	o.Path = filepath.Join(top, "a", "b", "x.sock")
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	err := Prepare(o)
	must(t, err)
	for path, mode := range map[string]uint32{top: 0o711, top + "/a": 0o755, top + "/a/b": 0o755} {
		if st := stat(t, path); st.Mode&0o7777 != mode || st.Uid != uint32(os.Getuid()) {
			t.Errorf("%s: mode %o, owner %d", path, st.Mode, st.Uid)
		}
	}
}

func TestPrepareRefuses(t *testing.T) {
	for want, obstruct := range map[string]func(path string) error{
		"regular file":  func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"directory":     func(p string) error { return os.Mkdir(p, 0o700) },
		"symbolic link": func(p string) error { return os.Symlink("/dev/null", p) },
		"FIFO":          func(p string) error { return unix.Mkfifo(p, 0o600) },
		"everybody":     func(p string) error { return os.Chmod(filepath.Dir(p), 0o777) },
	} {
		o := options(t)
		must(t, obstruct(o.Path))
		err := Prepare(o)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), filepath.Dir(o.Path)) {
			t.Errorf("%s: error %v", want, err)
		}
	}
	o := options(t)
	must(t, os.WriteFile(o.Path, nil, 0o600))
	for _, path := range []string{"", "x.sock", "@x", "/tmp/", o.Path + "/x.sock"} {
		if err := Prepare(Options{Path: path}); err == nil {
			t.Errorf("%q was taken", path)
		}
		if _, err := Bind(Options{Path: path}, 1); err == nil {
			t.Errorf("%q was bound", path)
		}
	}
}

func TestPrepareAllows(t *testing.T) {
	o := options(t)
	must(t, os.Chmod(filepath.Dir(o.Path), 0o777|os.ModeSticky))
	err := Prepare(o)
	must(t, err)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: o.Path}))
	must(t, unix.Close(fd))
	err = Prepare(o)
	must(t, err)
	published(t, o, 1) // over the dead socket
}

// A live socket names this process, and nothing knocks at it.
func TestPrepareNamesWhoListens(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	err := Prepare(o)
	var inUse *InUseError
	if !errors.As(err, &inUse) || len(inUse.Holders) != 1 {
		t.Fatalf("error %v", err)
	}
	h := inUse.Holders[0]
	if h.PID != os.Getpid() || !strings.Contains(h.Command, filepath.Base(os.Args[0])) || h.User == "?" || !strings.Contains(err.Error(), h.String()) {
		t.Errorf("%v", err)
	}
	if q := ask(t, diag(t), l); q.Pending != 0 {
		t.Errorf("disturbed: %+v", q)
	}
	err = Prepare(o, os.Getpid())
	must(t, err)
	bound(t, o, 2)
	if _, err := Bind(o, 1); !errors.As(err, &inUse) {
		t.Errorf("hidden name taken twice: %v", err)
	}
}

func TestPublishSparesAnotherProcess(t *testing.T) {
	o := options(t)
	theirs := published(t, o, 1)
	c := backend(t, theirs)
	must(t, theirs.Close())
	mine := bound(t, o, 2)
	var inUse *InUseError
	if err := mine.Publish(); !errors.As(err, &inUse) || inUse.Holders[0].PID != c.Process.Pid {
		t.Fatalf("error %v", err)
	}
	must(t, mine.Publish(c.Process.Pid))
}

// An accepted connection outlives its listening socket and is no listener.
func TestDeadWithAConnection(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	client := connected(t, o.Path)
	defer unix.Close(client)
	defer unix.Close(accepted(t, l))
	must(t, l.Close())
	if live, who, err := Listening(o.Path); live || err != nil {
		t.Errorf("live: %v, %v", who, err)
	}
}

func TestDatagramSocketIsLive(t *testing.T) {
	o := options(t)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: o.Path}))
	if live, who, err := Listening(o.Path); !live || len(who) != 1 || err != nil {
		t.Errorf("live %v, %v, %v", live, who, err)
	}
}

// unix_diag does not show what listens in another network namespace: a
// connection does.
func TestListenerInAnotherNamespace(t *testing.T) {
	root(t, "a network namespace")
	o := options(t)
	c := inNewNamespace(&exec.Cmd{Env: []string{"SOCKET_TEST_PATH=" + o.Path}})
	play(t, c, "listener")
	live, who, err := Listening(o.Path)
	if !live || err != nil || len(who) != 1 || who[0].PID != c.Process.Pid {
		t.Errorf("live %v, %v, %v", live, who, err)
	}
	var inUse *InUseError
	if err := Prepare(o, os.Getpid()); !errors.As(err, &inUse) {
		t.Errorf("error %v", err)
	}
	err = Prepare(o, c.Process.Pid)
	must(t, err)
}

// onTmpfs mounts one over dir.
func onTmpfs(t *testing.T, dir string) {
	t.Helper()
	root(t, "mount")
	must(t, unix.Mount("keepone", dir, "tmpfs", 0, ""))
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
}

// onOverlay makes an overlayfs below dir.
func onOverlay(t *testing.T, dir string) string {
	t.Helper()
	onTmpfs(t, dir)
	for _, sub := range []string{"/lower", "/upper", "/work", "/merged"} {
		must(t, os.Mkdir(dir+sub, 0o755))
	}
	merged := dir + "/merged"
	lower := "lowerdir=/usr/share:" + dir + "/lower,upperdir=" + dir + "/upper,workdir=" + dir + "/work"
	if err := unix.Mount("keepone", merged, "overlay", 0, lower); err != nil {
		t.Skipf("no overlayfs here: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(merged, unix.MNT_DETACH) })
	return merged
}

// On overlayfs stat(2) and the kernel may disagree about the device.
func TestOverlay(t *testing.T) {
	o := options(t)
	o.Path = onOverlay(t, filepath.Dir(o.Path)) + "/x.sock"
	first := published(t, o, 1)
	second := bound(t, o, 2)
	must(t, second.Publish())
	d := diag(t)
	if a, b := ask(t, d, first), ask(t, d, second); a.Pending+b.Pending != 0 {
		t.Errorf("Publish disturbed: %+v %+v", a, b)
	}
	defer unix.Close(connected(t, o.Path))
	defer unix.Close(accepted(t, second))
	if q := ask(t, d, second); q.Active != 1 {
		t.Errorf("queue %+v", q)
	}
	must(t, second.Withdraw())
	if _, err := os.Lstat(o.Path); !errors.Is(err, os.ErrNotExist) {
		t.Error("still there")
	}
	must(t, first.Close())
	must(t, second.Close())
}
