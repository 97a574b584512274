package rss

import (
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// magic begins the file, and is another when its layout is.
const magic = 0x6b656570_72737331 // "keeprss1"

const headWords = 4 // magic, samples so far, nanoseconds lived, peak; then the ring

// Keep writes every sample to the file at path as well, so that the next
// keepone goes on with the history of a backend that it adopts. With goOn what
// the file holds is taken over, if it was written whole by one of this size.
// A file that cannot be had costs only that. The words are native.
func (s *Scale) Keep(path string, goOn bool) error {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("cannot keep the memory's history in %s: %w", path, err)
	}
	size := int64(8 * (headWords + len(s.history.ring)))
	var st unix.Stat_t
	if goOn && unix.Fstat(fd, &st) == nil && st.Size == size {
		s.recall(fd)
	}
	if err := unix.Fallocate(fd, 0, 0, size); err != nil { // now, not at a sample
		unix.Close(fd)
		os.Remove(path) // whose half is of no use
		return fmt.Errorf("cannot keep the memory's history in %s: %w", path, err)
	}
	s.file = fd
	s.head() // whatever stood there is another backend's from now on
	return nil
}

// recall takes over what a former keepone wrote.
func (s *Scale) recall(fd int) {
	words := make([]uint64, headWords+len(s.history.ring))
	n, err := unix.Pread(fd, bytesOf(words), 0)
	if err != nil || n != 8*len(words) || words[0] != magic {
		return
	}
	size := uint64(len(s.history.ring))
	copy(s.history.ring, words[headWords:])
	s.history.next, s.history.full = int(words[1]%size), words[1] >= size
	s.total, s.lived, s.peak = words[1], time.Duration(words[2]), words[3]
}

// keep writes the latest sample. Whoever reads a file that is cut off between
// the two writes has one sample less.
func (s *Scale) keep(at int, bytes uint64) {
	if s.file < 0 {
		return
	}
	s.word[0] = bytes
	unix.Pwrite(s.file, bytesOf(s.word[:1]), int64(8*(headWords+at)))
	s.head()
}

func (s *Scale) head() {
	s.word = [headWords]uint64{magic, s.total, uint64(s.lived), s.peak}
	unix.Pwrite(s.file, bytesOf(s.word[:]), 0)
}

// bytesOf is the memory of the words.
func bytesOf(words []uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 8*len(words))
}
