package install

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// mark is the line by which a file is known as ours.
const mark = "# Written by keepone install; keepone uninstall removes it.\n"

// packaged is where packages have the program.
const packaged = "/usr/bin/keepone"

// text makes one of Scripts a file of ours: marked, and with the program's path.
func (t *Task) text(script string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(script, packaged)
		b.WriteString(before)
		if !found {
			break
		}
		if after != "" && (after[0] == '-' || after[0] == '.' || after[0] == '/') {
			b.WriteString(packaged) // another file's name
		} else {
			b.WriteString(t.Program)
		}
		script = after
	}
	whole := b.String()
	if line, rest, found := strings.Cut(whole, "\n"); found && strings.HasPrefix(line, "#!") {
		return line + "\n" + mark + rest
	}
	return mark + whole
}

// ours tells whether a file has our mark, or is empty: that is what a power cut
// makes of one that the library was writing. A missing one is not ours.
func ours(path string) bool {
	text, err := os.ReadFile(path)
	st, bad := os.Lstat(path)
	return err == nil && bad == nil && (bytes.Contains(text, []byte(mark)) || st.Mode().IsRegular() && len(text) == 0)
}

// found says that somebody else's file is taken, and warns where that runs another program than this.
func (t *Task) found(path string) {
	t.say("already there: %s", path)
	if text, err := os.ReadFile(path); err == nil && !bytes.Contains(text, []byte(t.Program)) {
		t.say("warning: what it runs is not this program, %s", t.Program)
	}
}

// same tells whether a file is a regular one with this text and mode.
func same(path, text string, mode fs.FileMode) bool {
	st, err := os.Lstat(path)
	if err != nil || st.Mode() != mode { // a type makes the mode another
		return false
	}
	found, err := os.ReadFile(path)
	return err == nil && string(found) == text
}

// place writes a file beside and renames it, so that there is the old one or the
// new one at any moment, also after a power cut. The former one's owner stays.
func place(path, text string, mode fs.FileMode) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if f.Close(); err != nil {
			os.Remove(f.Name())
		}
	}()
	if st, err := os.Stat(path); err == nil {
		owner := st.Sys().(*syscall.Stat_t)
		if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(mode), f.Sync()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// write has a file of ours say this, and tells whether it said something else
// before. One that is not ours is left alone and told of.
func (t *Task) write(path, text string, mode fs.FileMode) (changed bool, err error) {
	switch {
	case same(path, text, mode):
		t.say("already written: %s", path)
		return false, nil
	case there(path) && !ours(path):
		t.say("left alone: %s, which keepone install did not write", path)
		return false, nil
	}
	return true, t.do("write", path, func() error { return place(path, text, mode) })
}

// remove takes a file of ours away, if it is there.
func (t *Task) remove(path string) error {
	switch {
	case !there(path):
		return nil
	case !ours(path):
		t.say("left alone: %s, which keepone install did not write", path)
		return nil
	}
	return t.unlink(path)
}

// unlink takes a name away, whatever it is.
func (t *Task) unlink(path string) error {
	return t.do("remove", path, func() error {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return syncDir(filepath.Dir(path))
	})
}

// link has a symbolic link lead there. It replaces a link, and nothing else.
func (t *Task) link(target, path string) error {
	found, err := os.Readlink(path)
	switch {
	case err == nil && found == target:
		t.say("already linked: %s", path)
		return nil
	case err != nil && there(path):
		return fmt.Errorf("cannot link %s: something else is there", path)
	}
	return t.do("link", path, func() error {
		beside := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
		os.Remove(beside) // one that a killed keepone install left
		if err := os.Symlink(target, beside); err != nil {
			return err
		}
		if err := os.Rename(beside, path); err != nil {
			return err
		}
		return syncDir(filepath.Dir(path))
	})
}

// lock keeps a second install from changing the same files meanwhile.
func (t *Task) lock() (unlock func(), err error) {
	if t.DryRun {
		return func() {}, nil
	}
	d, err := os.Open(filepath.Dir(t.Config))
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil // no configuration, nobody to install one
	}
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		d.Close()
		return nil, hinted("wait for the other one", "cannot change anything: another keepone install or uninstall is at it: %w", err)
	}
	return func() { d.Close() }, nil
}
