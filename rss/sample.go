// Package rss weighs the backend: its resident set, the whole tree, once a
// second and for ever, without allocating.
package rss

import (
	"os"

	"golang.org/x/sys/unix"
)

// A Sampler reads /proc/PID/statm of the processes it is asked for, from files
// that stay open. It belongs to one goroutine.
type Sampler struct {
	openFiles
	page uint64 // bytes
	text [128]byte
}

// NewSampler returns a Sampler that knows no process yet.
func NewSampler() *Sampler { return &Sampler{page: uint64(os.Getpagesize())} }

// Sum returns the bytes that the processes have resident together, shared
// pages counted once for each. A process that is gone counts nothing.
func (s *Sampler) Sum(pids []int) (bytes uint64) { return s.sum(pids, "statm", s) }

// read parses "size resident shared ...", in pages: proc_pid_statm(5).
func (s *Sampler) read(fd int) (bytes uint64, ok bool) {
	n, err := unix.Pread(fd, s.text[:], 0)
	if err != nil || n <= 0 {
		return 0, false
	}
	field, pages := 0, uint64(0)
	for _, c := range s.text[:n] {
		switch {
		case c == ' ' && field == 1:
			return pages * s.page, true
		case c == ' ':
			field++
		case field == 1:
			pages = pages*10 + uint64(c-'0')
		}
	}
	return 0, false
}

// Self returns the bytes that this process has resident.
func Self() uint64 {
	s := NewSampler()
	defer s.Sum(nil) // closes what it kept
	return s.Sum([]int{os.Getpid()})
}
