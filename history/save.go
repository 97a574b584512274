package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Save replaces the file at path by a copy of the history, whole or not at
// all, and waits until it is on the disk: it is for one that outlasts a reboot.
// That may take long. Save only reads what the Writer never changes, so
// another goroutine may call it, as long as Close comes later.
func (w *Writer) Save(path string) error {
	if w == nil || w.file < 0 {
		return nil
	}
	if err := w.file.copy(path, w.shape.size, true); err != nil {
		return fmt.Errorf("cannot save the history in %s: %w", path, err)
	}
	return nil
}

// Restore puts the saved history at from where Open will look for it, unless
// what is there is whole and as new. Where nothing was saved, or what was is
// not whole, nothing changes, and that is no error.
func Restore(from, to string) error { return restore(from, to, standard) }

func restore(from, to string, s shape) error {
	saved, file, err := look(from, s)
	if err != nil {
		return fmt.Errorf("cannot restore the history from %s: %w", from, err)
	}
	if file < 0 {
		return nil
	}
	defer file.close()
	there, other, err := look(to, s)
	if err != nil {
		return fmt.Errorf("cannot restore the history to %s: %w", to, err)
	}
	if other >= 0 {
		other.close()
		if !saved.newer(there) {
			return nil
		}
	}
	if err := file.copy(to, s.size, false); err != nil {
		return fmt.Errorf("cannot restore the history to %s: %w", to, err)
	}
	return nil
}

// An age is what tells which of two histories is the newer one.
type age struct {
	id      uint64 // the same for copies of one
	written uint64 // entries
	at      int64  // of the latest samples, seconds since 1970
}

// newer goes by the number of entries where it can: clocks are set back.
func (a age) newer(than age) bool {
	if a.id == than.id {
		return a.written > than.written
	}
	return a.at > than.at
}

// look opens a history that is whole. The descriptor is -1 for none.
func look(path string, s shape) (a age, file descriptor, err error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ENOENT) {
		return age{}, -1, nil
	}
	if err != nil {
		return age{}, -1, err
	}
	file = descriptor(fd)
	if whole, err := file.whole(s); err != nil || !whole {
		file.close()
		return age{}, -1, err
	}
	a.id, _ = identity(file)
	for _, r := range []ring{s.seconds, s.minutes, s.events} {
		var number, at uint32
		r.each(file, func(n uint32, e []byte) {
			if n > number {
				number, at = n, word(e, 2)
			}
		})
		a.written += uint64(number)
		switch r {
		case s.seconds:
			a.at = max(a.at, int64(at))
		case s.minutes:
			a.at = max(a.at, 60*int64(at))
		}
	}
	return a, file, nil
}

// copy writes the first size bytes of the file to another, by way of a
// temporary one beside it.
func (d descriptor) copy(path string, size int64, lasting bool) error {
	dir := filepath.Dir(path)
	temp := filepath.Join(dir, "."+filepath.Base(path)+".new")
	os.Remove(temp) // of a keepone that was killed here
	fd, err := unix.Open(temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	err = d.pour(descriptor(fd), size, lasting)
	if err = errors.Join(err, unix.Close(fd)); err == nil {
		err = unix.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp) // a full disk leaves half a file
		return err
	}
	if lasting {
		return syncDir(dir)
	}
	return nil
}

func (d descriptor) pour(to descriptor, size int64, lasting bool) error {
	var page [4096]byte
	for at := int64(0); at < size; {
		n, err := d.ReadAt(page[:min(size-at, int64(len(page)))], at)
		if err != nil {
			return err
		}
		for done := 0; done < n; {
			some, err := unix.Pwrite(int(to), page[done:n], at+int64(done))
			if err != nil && err != unix.EINTR {
				return err
			}
			done += max(some, 0)
		}
		at += int64(n)
	}
	if err := unix.Fchmod(int(to), 0o644); err != nil { // whatever the umask
		return err
	}
	if lasting {
		return unix.Fsync(int(to))
	}
	return nil
}

// syncDir makes a rename last: fsync(2).
func syncDir(dir string) error {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Fsync(fd)
}
