package output

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// logFile is a file that is appended to and renamed when it has grown to its
// limit. It is written past the os package, which would make a device wait.
type logFile struct {
	loss
	path  string
	limit int64 // bytes, 0 is none
	keep  int   // files in all
	group int   // of a file that is made; -1 leaves it

	fd      int // -1 while it is not open
	id      unix.Stat_t
	size    int64
	limited bool      // a regular file: has a size, can be renamed
	tried   time.Time // of the last attempt to open it
	looked  time.Time // when the path was last seen to lead here
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

func (f *logFile) flush() {}

// reopen begins anew at the path, at once.
func (f *logFile) reopen() {
	f.close()
	f.tried, f.cause = time.Time{}, nil
	f.refresh()
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

// open makes the file where there is none.
func (f *logFile) open() error {
	f.tried = time.Now()
	f.looked = f.tried
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return err
	}
	fd, err := openLog(f.path, 0)
	if err == unix.ENOENT {
		if fd, err = openLog(f.path, unix.O_CREAT|unix.O_EXCL); err == nil {
			unix.Fchown(fd, -1, f.group) // who may not give it away keeps it; -1 does nothing, chown(2)
		}
	}
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

// openLog does not follow a symbolic link at the path, which the backend's user
// may be able to make, and waits for nothing: O_NONBLOCK is for FIFOs and devices.
func openLog(path string, flags int) (int, error) {
	return unix.Open(path, flags|unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC|
		unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0o640)
}

// rotate moves the full file away and begins a new one. Where it cannot be
// moved, the limit is kept none the less.
func (f *logFile) rotate() error {
	if f.inPlace() {
		if err := f.shift(); err != nil {
			return err
		}
	}
	f.close()
	if err := f.open(); err != nil {
		return fmt.Errorf("cannot open %s: %w", f.path, err)
	}
	return nil
}

// shift renames each file to the next number, up to the first that is free or
// else the last one that is kept. The highest goes first: who is interrupted
// leaves a number free, and nothing is lost by the next attempt.
func (f *logFile) shift() error {
	if f.keep == 1 {
		if err := unix.Unlink(f.path); err != nil {
			return fmt.Errorf("cannot remove %s: %w", f.path, err)
		}
		return nil
	}
	var there unix.Stat_t
	n := 1
	for n < f.keep-1 && unix.Lstat(f.numbered(n), &there) == nil {
		n++
	}
	for ; n > 0; n-- {
		if err := unix.Rename(f.numbered(n-1), f.numbered(n)); err != nil {
			return fmt.Errorf("cannot rename %s to %s: %w", f.numbered(n-1), f.numbered(n), err)
		}
	}
	return nil
}

// numbered is the path of the n-th file, counted from the one that is written.
func (f *logFile) numbered(n int) string {
	if n == 0 {
		return f.path
	}
	return f.path + "." + strconv.Itoa(n)
}
