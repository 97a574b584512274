package rss

import (
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// magic begins the file, and is another when its layout is.
const magic = 0x6b656570_72737332 // "keeprss2"

// kept is the file: all that a Scale knows of its backend. The words are native.
type kept struct {
	magic   uint64
	lived   time.Duration
	peak    uint64
	shared  uint64
	judge   judge
	trailer uint64 // magic again: the file was written whole
}

const keptSize = int(unsafe.Sizeof(kept{}))

// Keep writes every sample to the file at path as well, so that the next
// keepone goes on with a backend that it adopts. With goOn what the file holds
// is taken over, if it was written whole. A file that cannot be had costs only
// that.
func (s *Scale) Keep(path string, goOn bool) error {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("cannot keep what the backend weighs in %s: %w", path, err)
	}
	if goOn {
		s.recall(fd)
	}
	if err := unix.Fallocate(fd, 0, 0, int64(keptSize)); err != nil { // now, not at a sample
		unix.Close(fd)
		os.Remove(path) // whose half is of no use
		return fmt.Errorf("cannot keep what the backend weighs in %s: %w", path, err)
	}
	if s.file >= 0 {
		unix.Close(s.file)
	}
	s.file = fd
	s.keep() // whatever stood there is another backend's from now on
	return nil
}

// recall takes over what a former keepone wrote.
func (s *Scale) recall(fd int) {
	var k kept
	n, err := unix.Pread(fd, bytesOf(&k), 0)
	if err != nil || n != keptSize || k.magic != magic || k.trailer != magic {
		return
	}
	s.kept = k
}

// keep writes what is known now.
func (s *Scale) keep() {
	if s.file < 0 {
		return
	}
	s.magic, s.trailer = magic, magic
	unix.Pwrite(s.file, bytesOf(&s.kept), 0)
}

// bytesOf is the memory of k, which has no pointers in it.
func bytesOf(k *kept) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(k)), keptSize) }
