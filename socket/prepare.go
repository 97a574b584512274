package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// InUseError says that somebody else listens where a socket was to go.
type InUseError struct {
	Path    string
	Holders []Holder // empty where they cannot be seen
}

func (e *InUseError) Error() string {
	who := make([]string, len(e.Holders))
	for i, h := range e.Holders {
		who[i] = h.String()
	}
	if len(who) == 0 {
		kind := "x"
		if isTCP(e.Path) {
			kind = "t"
		}
		who = []string{"a process that cannot be seen from here (as root, try: ss -" + kind + "lp)"}
	}
	return fmt.Sprintf("cannot use %s: listening there: %s; stop it or choose another path", e.Path, strings.Join(who, ", "))
}

// Prepare makes the directories of o.Path that are missing, 0755 whatever the
// umask, and refuses what is in the way there: anything but a socket, and a
// live socket (*InUseError) that none of the processes ours holds. It changes
// nothing at o.Path. For a TCP socket it refuses whoever listens at the address,
// or at every address, with the same port.
func Prepare(o Options, ours ...int) error {
	if err := o.check(); err != nil {
		return err
	}
	return o.family().prepare(o, ours)
}

func (unixFamily) prepare(o Options, ours []int) error {
	dir := filepath.Dir(o.Path)
	if err := makeDirectory(dir); err != nil {
		return fmt.Errorf("cannot make directory %s: %w", dir, err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("cannot look at directory: %w", err)
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("cannot use directory %s: everybody may replace files there; chmod o-w %[1]s, or choose another", dir)
	}
	return vacate(o.Path, ours)
}

// makeDirectory makes dir and what is missing above it.
func makeDirectory(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeDirectory(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); errors.Is(err, fs.ErrExist) {
		return nil // made by another meanwhile: theirs to chmod
	} else if err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// vacate says whether path may be renamed over: nothing is there, or a dead
// socket, or one that a process of ours holds.
func vacate(path string, ours []int) error {
	file, err := openPath(path)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot look at %s: %w", path, err)
	}
	defer unix.Close(file)
	var st unix.Stat_t
	if err := unix.Fstat(file, &st); err != nil {
		return fmt.Errorf("cannot look at %s: %w", path, err)
	}
	if what := kindOf(st.Mode); what != "" {
		return fmt.Errorf("cannot use %s for a listening socket: it is a %s; move it away or choose another path", path, what)
	}
	live, ino, pid, err := listening(file)
	if err != nil {
		return fmt.Errorf("cannot find out whether somebody listens on %s: %w", path, err)
	}
	if !live || slices.Contains(ours, pid) || slices.ContainsFunc(ours, func(p int) bool { return holds(p, ino) }) {
		return nil
	}
	return &InUseError{Path: path, Holders: holders(ino, pid)}
}

// kindOf names what is not a socket.
func kindOf(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFSOCK:
		return ""
	case unix.S_IFREG:
		return "regular file"
	case unix.S_IFDIR:
		return "directory"
	case unix.S_IFLNK:
		return "symbolic link"
	case unix.S_IFIFO:
		return "FIFO"
	default:
		return "device"
	}
}
