package history

import (
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// A Writer keeps the history. It belongs to one goroutine. A nil one keeps
// nothing, so that a file that cannot be had costs only the history.
//
// The file's blocks are there from the beginning; an entry that cannot be
// written all the same is lost, and nobody is told.
type Writer struct {
	file  descriptor
	shape shape

	latest  second // written already
	current minute // written at times, always before the next begins
	written uint32 // the second in which that was
	dirty   bool   // current has something that the file has not
	events  uint32 // the latest one's number

	entry [largest]byte
}

// Open returns the writer of the file at path and goes on with what that
// holds. A file that is not whole, or of another layout, is made anew. It is
// readable by everybody, like /proc/PID/statm, and no link is followed.
func Open(path string) (*Writer, error) { return open(path, standard) }

func open(path string, s shape) (*Writer, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cannot keep the history in %s: %w", path, err)
	}
	w := &Writer{file: descriptor(fd), shape: s}
	if whole, err := w.file.whole(s); err != nil {
		w.file.close()
		return nil, fmt.Errorf("cannot keep the history in %s: %w", path, err)
	} else if whole {
		w.recall()
		return w, nil
	}
	if err := w.file.anew(s); err != nil {
		w.file.close()
		unix.Unlink(path) // whose half is of no use
		return nil, fmt.Errorf("cannot keep the history in %s: %w", path, err)
	}
	return w, nil
}

// recall finds the latest entries. A former keepone that was killed may not
// have written the last seconds of its minute: they are in the first ring.
func (w *Writer) recall() {
	w.shape.events.each(w.file, func(number uint32, _ []byte) { w.events = max(w.events, number) })
	w.shape.minutes.each(w.file, func(number uint32, entry []byte) {
		if number > w.current.number {
			w.current = minuteOf(number, entry)
		}
	})
	w.shape.seconds.each(w.file, func(number uint32, entry []byte) {
		s := secondOf(number, entry)
		if number > w.latest.number {
			w.latest = s
		}
		if s.at/60 == w.current.at && w.current.fold(Backend, s.kib) {
			w.dirty = true
		}
	})
}

// Close writes what is not written yet. The Writer keeps nothing afterwards.
func (w *Writer) Close() {
	if w == nil || w.file < 0 {
		return
	}
	w.flush()
	w.file.close()
	w.file = -1
}

// flush writes the current minute as far as it has come.
func (w *Writer) flush() {
	if !w.dirty {
		return
	}
	w.current.encode(w.shape.minutes, w.entry[:])
	w.write(w.shape.minutes, w.current.number)
	w.dirty = false
}

func (w *Writer) write(r ring, number uint32) {
	unix.Pwrite(int(w.file), w.entry[:r.size], r.place(number))
}

// A descriptor is a file, without what os.File keeps for it.
type descriptor int

// ReadAt is that of io.ReaderAt: what is missing at the end is io.EOF.
func (d descriptor) ReadAt(b []byte, at int64) (n int, err error) {
	for n < len(b) {
		some, err := unix.Pread(int(d), b[n:], at+int64(n))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return n, err
		}
		if some == 0 {
			return n, io.EOF
		}
		n += some
	}
	return n, nil
}

func (d descriptor) close() { unix.Close(int(d)) }

// whole says whether the file has all its rings. The error is that it is no
// file.
func (d descriptor) whole(s shape) (bool, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(d), &st); err != nil {
		return false, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return false, fmt.Errorf("it is no regular file")
	}
	_, ours := identity(d)
	return ours && st.Size == s.size, nil
}

// anew makes the file an empty history. The head comes last: until then it is
// none, for whoever reads it and for the next keepone.
func (d descriptor) anew(s shape) error {
	if err := unix.Ftruncate(int(d), 0); err != nil {
		return err
	}
	err := unix.Fallocate(int(d), 0, 0, s.size) // now, not at a sample
	if err == unix.EOPNOTSUPP {
		err = unix.Ftruncate(int(d), s.size) // a file system that cannot; then without blocks
	}
	if err != nil {
		return err
	}
	if err := unix.Fchmod(int(d), 0o644); err != nil { // whatever the umask
		return err
	}
	head := makeHead(uint64(time.Now().UnixNano()))
	_, err = unix.Pwrite(int(d), head[:], 0)
	return err
}
