package single

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestSecondIsRefusedAndTheHolderNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := first.Stat(); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	// A child that inherits the opening holds the lock when we do not.
	child := exec.Command("sleep", "600")
	child.ExtraFiles = []*os.File{first}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	first.Close()
	_, err = Lock(path)
	held := new(HeldError)
	if !errors.As(err, &held) || !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Fatalf("a second lock: %v", err)
	}
	if len(held.Holders) != 1 || held.Holders[0].PID != child.Process.Pid || held.Holders[0].Command != "sleep 600" {
		t.Errorf("holders %+v, want process %d", held.Holders, child.Process.Pid)
	}
	if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "sleep 600") {
		t.Errorf("the error does not say who: %v", err)
	}
	child.Process.Kill()
	child.Wait()
	again, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

// Whoever merely has the file open holds nothing.
func TestOpenIsNotHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("sleep", "600")
	child.ExtraFiles = []*os.File{other}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { child.Process.Kill(); child.Wait() }()
	if h := Holders(first); len(h) != 0 {
		t.Errorf("holders %+v", h)
	}
	first.Close()
	other.Close()
	if again, err := Lock(path); err != nil {
		t.Error(err)
	} else {
		again.Close()
	}
}

// An rm of the file must not let a second lock succeed beside a first one on
// the new file: the name decides which one counts.
func TestRemovedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if current(first, path) {
		t.Error("a removed file counts as the lock")
	}
	second, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if !current(second, path) || current(first, path) {
		t.Error("the name does not decide")
	}
}

func TestLockIsNoLink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "victim"), filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(filepath.Join(dir, "lock")); err == nil {
		t.Error("a symbolic link was followed")
	}
	if _, err := os.Stat(filepath.Join(dir, "victim")); err == nil {
		t.Error("and its target made")
	}
}
