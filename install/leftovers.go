package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// leftovers removes what a stopped site leaves: the socket's file, which stays
// for the next start under systemd, and the run directory.
func (t *Task) leftovers() error {
	if err := t.dropSocket(); err != nil {
		return err
	}
	if there(t.RunDir) {
		if err := t.do("remove", t.RunDir, func() error { return os.RemoveAll(t.RunDir) }); err != nil {
			return err
		}
	}
	if !t.DryRun {
		_ = os.Remove(filepath.Dir(t.RunDir)) // other sites keep it
	}
	return nil
}

// dropSocket removes the socket's file where nobody listens any more.
func (t *Task) dropSocket() error {
	st, err := os.Lstat(t.Socket)
	switch {
	case t.Socket == "" || errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.Mode().Type() != fs.ModeSocket:
		t.say("left alone: %s, which is no socket", t.Socket)
		return nil
	case !t.DryRun && connects(t.Socket):
		t.say("left alone: %s, where somebody else listens", t.Socket)
		return nil
	}
	return t.unlink(t.Socket)
}

// purge removes the configuration, and what a site leaves for its next life.
func (t *Task) purge() error {
	for _, path := range append([]string{t.Config}, t.Kept...) {
		st, err := os.Lstat(path)
		if err == nil && (st.Mode().IsRegular() || st.Mode().Type() == fs.ModeSymlink) { // an output file may be /dev/stderr
			if err := t.unlink(path); err != nil {
				return err
			}
		}
		if dir := filepath.Dir(path); !t.DryRun && path != t.Config && filepath.Base(dir) == "keepone" {
			_ = os.Remove(dir) // /var/lib/keepone and /var/log/keepone, after the last
		}
	}
	return nil
}
