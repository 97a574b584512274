package output

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// retry is how long a file that failed is left alone, and how long its path is
// trusted to lead to it.
const retry = time.Second

// logFile is a file that is appended to and renamed when it has grown to its
// limit. It is written past the os package, which would make a device wait.
type logFile struct {
	path  string
	limit int64 // bytes, 0 is none

	fd      int // -1 while it is not open
	id      unix.Stat_t
	size    int64
	limited bool      // a regular file: has a size, can be renamed
	tried   time.Time // of the last attempt to open it
	looked  time.Time // when the path was last seen to lead here

	lost  uint64
	cause error
}

// write appends b. What cannot be written is lost, and counted.
func (f *logFile) write(b []byte) {
	if f.path == "" || len(b) == 0 {
		return
	}
	f.refresh()
	for len(b) > 0 && f.fd >= 0 {
		n, err := f.writePart(b)
		b = b[n:]
		if err != nil {
			f.fail(err)
		}
	}
	f.lost += uint64(len(b))
}

func (f *logFile) fail(err error) {
	f.close()
	f.cause = err
}

func (f *logFile) close() {
	if f.fd >= 0 {
		unix.Close(f.fd)
		f.fd = -1
	}
}

// writePart writes what fits below the limit, up to a line's end where there is
// one, or makes room.
func (f *logFile) writePart(b []byte) (int, error) {
	if room := f.limit - f.size; f.limited && int64(len(b)) > room {
		b = b[:max(room, 0)]
		if line := bytes.LastIndexByte(b, '\n') + 1; line > 0 || f.size > 0 {
			b = b[:line]
		}
		if len(b) == 0 {
			return 0, f.rotate()
		}
	}
	n, err := unix.Write(f.fd, b)
	if err == unix.EINTR {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cannot write to %s: %w", f.path, err)
	}
	f.size += int64(n)
	f.cause = nil
	return n, nil
}

// refresh opens the file where it is not open, and anew where it was removed,
// moved or replaced; it learns the size, which others may have changed.
func (f *logFile) refresh() {
	if f.path == "" {
		return
	}
	now := time.Now()
	if f.fd >= 0 {
		err := unix.Fstat(f.fd, &f.id)
		f.size = f.id.Size
		if err == nil && f.id.Nlink > 0 && (now.Sub(f.looked) < retry || f.inPlace()) {
			return
		}
		f.close()
	}
	if now.Sub(f.tried) >= retry {
		if err := f.open(); err != nil {
			f.fail(fmt.Errorf("cannot open %s: %w", f.path, err))
		}
	}
}

// inPlace reports whether the path leads to the file that is open.
func (f *logFile) inPlace() bool {
	var there unix.Stat_t
	f.looked = time.Now()
	err := unix.Lstat(f.path, &there)
	return err == nil && there.Dev == f.id.Dev && there.Ino == f.id.Ino
}

// open does not follow a symbolic link at the path, which the backend's user may
// be able to make, and waits for nothing: O_NONBLOCK is for FIFOs and devices.
func (f *logFile) open() error {
	f.tried = time.Now()
	f.looked = f.tried
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return err
	}
	fd, err := unix.Open(f.path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC|
		unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0o640)
	if err == unix.ELOOP {
		return fmt.Errorf("it is a symbolic link: %w", err)
	}
	if err != nil {
		return err
	}
	f.fd = fd
	err = unix.Fstat(fd, &f.id)
	f.size = f.id.Size
	f.limited = f.limit > 0 && f.id.Mode&unix.S_IFMT == unix.S_IFREG
	return err
}

// rotate renames the full file, which takes the place of the one before, and
// begins a new one. Where it cannot be renamed, the limit is kept none the less.
func (f *logFile) rotate() error {
	if f.inPlace() {
		if err := unix.Rename(f.path, f.path+".1"); err != nil {
			return fmt.Errorf("cannot rename %s to %s.1: %w", f.path, f.path, err)
		}
	}
	f.close()
	if err := f.open(); err != nil {
		return fmt.Errorf("cannot open %s: %w", f.path, err)
	}
	return nil
}
