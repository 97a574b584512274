package probe

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNotifyFile(t *testing.T) {
	defer unix.Umask(unix.Umask(0))
	path := filepath.Join(t.TempDir(), "notify")
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 65533, 65532
	}
	first, err := ListenNotify(path, uid, gid)
	must(t, err)
	there, err := os.Lstat(path)
	must(t, err)
	if st := there.Sys().(*syscall.Stat_t); there.Mode() != fs.ModeSocket|0o600 || int(st.Uid) != uid || int(st.Gid) != gid {
		t.Errorf("%s of %d:%d", there.Mode(), st.Uid, st.Gid)
	}
	second, err := ListenNotify(path, -1, -1) // as after a keepone that was killed
	must(t, err)
	must(t, first.Close())
	say(t, second, "READY=1") // the file was not the first one's any more
	must(t, second.Ready(within(t), self))
	ended := make(chan error)
	go func() { ended <- second.Ready(within(t), self) }()
	must(t, second.Close())
	must(t, second.Close())
	if err := <-ended; !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

func TestListenNotifyRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for path, want := range map[string]string{
		file:                                  "no socket (-rw-------); move it away",
		"notify":                              "not absolute",
		filepath.Join(dir, "a", "b"):          "no such file",
		"/" + strings.Repeat("x", sunPathMax): "108 bytes, and 107 are possible",
	} {
		n, err := ListenNotify(path, -1, -1)
		expect(t, err, want, "cannot listen for sd_notify at "+path)
		if err == nil {
			n.Close()
		}
	}
	if os.Getuid() != 0 {
		path := filepath.Join(dir, "notify")
		_, err := ListenNotify(path, 0, 0)
		expect(t, err, "only root may give files away")
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Error("the file was left")
		}
	}
}
