// Package rss weighs the backend: its resident set, the whole tree, once a
// second and for ever, without allocating.
package rss

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// A Sampler reads /proc/PID/statm of the processes it is asked for. It keeps
// the files open: a kept descriptor stands for that process and no later one of
// the same number. It belongs to one goroutine.
type Sampler struct {
	page  uint64 // bytes
	files []statm
	text  [128]byte
}

type statm struct {
	pid  int
	fd   int
	seen bool // in the latest sample
}

// NewSampler returns a Sampler that knows no process yet.
func NewSampler() *Sampler { return &Sampler{page: uint64(os.Getpagesize())} }

// Sum returns the bytes that the processes have resident together, shared
// pages counted once for each. A process that is gone counts nothing.
func (s *Sampler) Sum(pids []int) (bytes uint64) {
	for i := range s.files {
		s.files[i].seen = false
	}
	for _, pid := range pids {
		bytes += s.read(pid)
	}
	kept := s.files[:0]
	for _, f := range s.files {
		if f.seen {
			kept = append(kept, f)
		} else {
			unix.Close(f.fd)
		}
	}
	s.files = kept
	return bytes
}

// read returns the resident bytes of one process. When its kept file belongs
// to a dead process, the number has been given away: it is opened anew.
func (s *Sampler) read(pid int) uint64 {
	for i := range s.files {
		f := &s.files[i]
		if f.pid != pid {
			continue
		}
		if pages, ok := s.resident(f.fd); ok {
			f.seen = true
			return pages * s.page
		}
	}
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/statm", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	s.files = append(s.files, statm{pid, fd, true})
	pages, _ := s.resident(fd)
	return pages * s.page
}

// resident parses "size resident shared ...", in pages: proc_pid_statm(5).
func (s *Sampler) resident(fd int) (pages uint64, ok bool) {
	n, err := unix.Pread(fd, s.text[:], 0)
	if err != nil || n <= 0 {
		return 0, false
	}
	field := 0
	for _, c := range s.text[:n] {
		switch {
		case c == ' ' && field == 1:
			return pages, true
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
