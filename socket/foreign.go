package socket

import (
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Foreign makes a Listener of a socket that only others hold, and that cannot be
// taken from them: an ordinary user may not (Yama, pidfd_getfd(2)). Its queue can
// be asked for and connections be made, but nobody can be given it, and it goes
// with its last holder. inode is Listener.SockIno. The error wraps
// fs.ErrNotExist where no socket of that number has a file at the path or its
// hidden name, or listens at the address.
func Foreign(o Options, generation int, inode uint64) (*Listener, error) {
	l := &Listener{options: o, generation: generation, fd: -1, file: -1, sockIno: inode}
	if err := l.family().foreign(l); err != nil {
		return nil, err
	}
	return l, nil
}

func (unixFamily) foreign(l *Listener) error {
	if l.file = l.findByName(); l.file < 0 {
		return fmt.Errorf("cannot find the file of socket %d at %s: %w", l.sockIno, l.options.Path, fs.ErrNotExist)
	}
	var st unix.Stat_t
	if err := unix.Fstat(l.file, &st); err != nil {
		_ = unix.Close(l.file)
		return fmt.Errorf("cannot look at the file of socket %d: %w", l.sockIno, err)
	}
	l.dev, l.ino = st.Dev, st.Ino
	return nil
}
