package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Names lists the backends that have a NAME.toml in the directory, sorted. A directory that does not exist has none.
func Names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list %s: %w", dir, cause(err))
	}
	var names []string
	for _, e := range entries {
		name, isTOML := strings.CutSuffix(e.Name(), ".toml")
		if isTOML && !e.IsDir() && !strings.HasPrefix(name, ".") && name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names) // ReadDir sorts with the extension: "a-b.toml" before "a.toml"
	return names, nil
}

// Absent is the hint for a backend without a configuration file in dir: the name that was probably meant, and what writes one.
func Absent(dir, name string) string {
	names, _ := Names(dir) // what cannot be listed cannot be proposed
	if near := nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %s? keepone init %s writes another", near, name)
	}
	hint := fmt.Sprintf("keepone init %s writes one", name)
	if len(names) > 0 {
		hint += "; there are " + strings.Join(names, ", ")
	}
	return hint
}

// readFile reads a small regular file and never blocks on another kind. With direct, no symbolic link in the path is followed.
func readFile(file string, direct bool) ([]byte, error) {
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK}
	if direct {
		how.Resolve = unix.RESOLVE_NO_SYMLINKS // openat2(2)
	}
	f, err := open(file, &how)
	if errors.Is(err, unix.ELOOP) && direct {
		return nil, fmt.Errorf("cannot read %s: keepone as root follows no symbolic link here: name the file it leads to", file)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file, cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("cannot read %s: it is not a regular file", file)
	}
	text, err := io.ReadAll(io.LimitReader(f, largest+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file, cause(err))
	}
	if len(text) > largest {
		return nil, fmt.Errorf("cannot read %s: it is larger than %s", file, Size(largest))
	}
	return text, nil
}

func open(file string, how *unix.OpenHow) (*os.File, error) {
	if how.Resolve == 0 { // openat(2): some containers refuse openat2
		f, err := os.OpenFile(file, int(how.Flags), 0)
		return f, cause(err)
	}
	for {
		fd, err := unix.Openat2(unix.AT_FDCWD, file, how)
		if err == nil {
			return os.NewFile(uintptr(fd), file), nil
		}
		if !errors.Is(err, unix.EINTR) {
			return nil, err
		}
	}
}

// cause takes the path off an error whose message has it already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
