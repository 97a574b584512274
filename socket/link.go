package socket

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A published socket has two names: the path and its hidden name, hard links
// of one file. Whoever removes or replaces the path leaves the other, and the
// path is put back as a third link, with the same listening socket behind it.
//
// The link is made from the descriptor (linkat(2) on its /proc/self/fd entry),
// so the file is ours wherever its names went, as long as one is left: a file
// without any can have no new one. The owner of a file may link it, others
// need CAP_FOWNER (fs.protected_hardlinks, proc_sys_fs(5)).

// link gives the socket file one more name. It never replaces what is there.
func (l *Listener) link(name string) error {
	if l.file < 0 {
		return errNoFile
	}
	err := unix.Linkat(unix.AT_FDCWD, fdPath(l.file), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return &os.PathError{Op: "link", Path: name, Err: err}
	}
	return nil
}

// place gives the file this name, in place of nothing, of a dead socket, or of
// one that a process of ours holds. What else is there is left alone: inTheWay
// says what it is.
func (l *Listener) place(name string, ours []int) (inTheWay, err error) {
	err = l.link(name)
	if !errors.Is(err, unix.EEXIST) {
		return nil, err
	}
	if inTheWay = vacate(name, ours); inTheWay != nil {
		return inTheWay, nil
	}
	return nil, l.linkOver(name)
}

// linkOver links under a temporary name and renames that, so that the name is
// never missing. A crash in between leaves the temporary name, for sweep.
func (l *Listener) linkOver(name string) error {
	temporary := l.temporary()
	if err := l.unlink(temporary); err != nil {
		return err
	}
	bury(temporary)
	if err := l.link(temporary); err != nil {
		return err
	}
	err := os.Rename(temporary, name)
	// Of two links to one file, rename(2) removes neither.
	if cause := l.unlink(temporary); err == nil {
		err = cause
	}
	return err
}

// sweep removes what dead generations left beside the path: of a keepone that
// was killed, or of a backend that outlived it.
func (l *Listener) sweep() {
	dir := filepath.Dir(l.options.Path)
	entries, _ := os.ReadDir(dir) // what cannot be listed stays, hidden
	for _, e := range entries {
		if l.options.names(e.Name()) {
			bury(filepath.Join(dir, e.Name()))
		}
	}
}

// names says whether some generation's hidden or temporary name is like that.
func (o Options) names(name string) bool {
	number, ok := strings.CutPrefix(name, "."+filepath.Base(o.Path)+".g")
	number = strings.TrimSuffix(number, temporarySuffix)
	n, err := strconv.Atoi(number)
	return ok && err == nil && n >= 0 && strconv.Itoa(n) == number
}

// bury removes a dead socket. Anything else stays, a live one and one of which
// nothing can be found out, too.
func bury(path string) {
	file, err := openPath(path)
	if err != nil {
		return
	}
	defer unix.Close(file)
	var st unix.Stat_t
	if unix.Fstat(file, &st) != nil || kindOf(st.Mode) != "" {
		return
	}
	if live, _, _, err := listening(file); !live && err == nil {
		_ = os.Remove(path)
	}
}

const temporarySuffix = ".new"

func (l *Listener) temporary() string { return l.hidden() + temporarySuffix }
