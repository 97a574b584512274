package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

const pipeSize = 1 << 20 // bytes kept by the kernel while nobody reads

// openFIFO makes the FIFO at path or takes the one that is there, gives it to
// uid and gid (-1 leaves them) and opens it twice.
func openFIFO(path string, uid, gid int) (reader, writer *os.File, err error) {
	if err := unix.Mkfifo(path, 0o600); err != nil && err != unix.EEXIST {
		return nil, nil, err
	}
	// One lookup of the name: what is examined is what is opened.
	there, err := open(path, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return nil, nil, err
	}
	defer there.Close()
	if err := examine(there, path, uid); err != nil {
		return nil, nil, err
	}
	same := fmt.Sprintf("/proc/self/fd/%d", there.Fd())
	// Blocking, since O_NONBLOCK would be shared with the backend; read-write, so
	// that whoever holds it is a reader too and never gets EPIPE, pipe(7).
	writer, err = open(same, unix.O_RDWR)
	if err != nil {
		return nil, nil, err
	}
	if err = give(writer, uid, gid); err == nil {
		reader, err = open(same, unix.O_RDONLY|unix.O_NONBLOCK)
	}
	if err != nil {
		writer.Close()
		return nil, nil, err
	}
	// Fails where an ordinary user's pipes are limited: then less is kept.
	unix.FcntlInt(writer.Fd(), unix.F_SETPIPE_SZ, pipeSize)
	return reader, writer, nil
}

func open(path string, flags int) (*os.File, error) {
	for {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
		if err == nil {
			return os.NewFile(uintptr(fd), path), nil
		}
		if err != unix.EINTR {
			return nil, err
		}
	}
}

// examine refuses what is no FIFO, and a FIFO that somebody else could have put
// there to read the backend's output. One of a former backend's user is ours
// when nobody but us could make it: a backend may still be writing to it.
func examine(there *os.File, path string, uid int) error {
	info, err := there.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeNamedPipe {
		return fmt.Errorf("what is there is no FIFO (%s); move it away", info.Mode())
	}
	owner := ownerOf(info)
	if owner == os.Geteuid() || owner == uid {
		return nil
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	if ownerOf(dir) != os.Geteuid() || dir.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("the FIFO that is there belongs to uid %d; move it away", owner)
	}
	return nil
}

func ownerOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

// give makes the FIFO the backend's own: else it could write to its descriptors
// but not open /dev/stderr.
func give(fifo *os.File, uid, gid int) error {
	err := unix.Fchmod(int(fifo.Fd()), 0o600)
	if uid != -1 || gid != -1 {
		err = errors.Join(err, unix.Fchown(int(fifo.Fd()), uid, gid))
	}
	return err
}
