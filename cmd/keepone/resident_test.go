package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"keepone/config"
	"keepone/process"
	"keepone/record"
	"keepone/single"
	"keepone/socket"
	"keepone/supervise"
)

// Nobody reads the log: the loop goes on all the same.
func TestLogNeverBlocks(t *testing.T) {
	s := &site{lines: make(chan string, 2)}
	for range 1000 {
		s.log("%d %s", 1, "word")
	}
	if line := <-s.lines; line != "keepone: : 1 word\n" {
		t.Errorf("%q", line)
	}
}

// A backend.lock that somebody holds is not unlinked by a clean stop: a lock on
// a new file would succeed beside it.
func TestClearLeavesAHeldLock(t *testing.T) {
	dir := t.TempDir()
	s := &site{target: target{name: "x", runDir: dir}, spawner: &process.Spawner{}}
	held, err := single.Lock(s.backendLock())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	s.clear()
	if _, err := single.Lock(s.backendLock()); !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Errorf("a second lock: %v", err)
	}
	held.Close()
	s.clear()
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the run directory after a clean stop: %v", err)
	}
}

func TestRunDirectory(t *testing.T) {
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	base := t.TempDir()
	dir := filepath.Join(base, "a", "b")
	if err := makeRunDir(dir); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{filepath.Dir(dir), dir} {
		if st, err := os.Stat(d); err != nil || st.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", d, st.Mode(), err)
		}
	}
	if err := os.Chmod(dir, 0o775); err != nil {
		t.Fatal(err)
	}
	if err := makeRunDir(dir); err == nil {
		t.Error("a directory that a group may change was taken")
	}
	if os.Getuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chown(dir, 33, 33)); err != nil {
		t.Fatal(err)
	}
	if err := makeRunDir(dir); err == nil {
		t.Error("a directory of another user was taken")
	}
}

// A keepone that is killed while it stops was not told to stop the backend: the
// next one starts it.
func TestStoppedIsAnOperatorsWord(t *testing.T) {
	l, err := socket.Bind(socket.Options{Path: filepath.Join(t.TempDir(), "s"), UID: -1, GID: -1, Mode: 0o600, Backlog: 1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := &site{identified: map[int]record.Process{}}
	s.inForce.Store(newView(config.Command("x", []string{"x"}, config.Defaults{RunDir: "/run/x"}), 1<<30))
	for st, want := range map[supervise.State]bool{supervise.Down: true, supervise.Closing: true, supervise.Stopping: true, supervise.Up: false} {
		for _, leaving := range []bool{false, true} {
			left := legacy{state: s.record(supervise.Status{State: st, Leaving: leaving}, s.adapt(l), nil)}
			if got := left.stopped(); got != (want && !leaving) {
				t.Errorf("killed in %s, leaving %v: stays down %v", st, leaving, got)
			}
		}
	}
}
