package rss

import (
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// A Swapped reads how much of the processes it is asked for is swapped out. As
// long as the host has nothing in swap at all that is one system call, whatever
// the number of processes; else one for each more. As a Sampler does it keeps
// files open, each of which stands for its process and no later one of the same
// number. The zero value is ready. It belongs to one goroutine.
type Swapped struct {
	host  unix.Sysinfo_t
	files []status
	path  [64]byte
	text  [4096]byte
}

type status struct {
	pid  int
	fd   int
	seen bool // in the latest sample
}

// Sum returns the bytes of the processes that are swapped out: VmSwap of
// proc_pid_status(5), a page that some of them share counted once for each,
// nothing of tmpfs and shared memory. A process that is gone counts nothing.
func (s *Swapped) Sum(pids []int) (bytes uint64) {
	if !s.inUse() {
		pids = nil
	}
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

// inUse says whether the host has anything in swap: sysinfo(2). Where that
// cannot be told, the processes are asked.
func (s *Swapped) inUse() bool {
	return unix.Sysinfo(&s.host) != nil || s.host.Freeswap != s.host.Totalswap
}

// read returns the swapped bytes of one process. When its kept file belongs to
// a dead process, the number has been given away: it is opened anew.
func (s *Swapped) read(pid int) uint64 {
	if i := slices.IndexFunc(s.files, func(f status) bool { return f.pid == pid }); i >= 0 {
		if bytes, ok := s.swap(s.files[i].fd); ok {
			s.files[i].seen = true
			return bytes
		}
		s.files[i].pid = 0 // closed at the end of this sample
	}
	path := strconv.AppendInt(append(s.path[:0], "/proc/"...), int64(pid), 10)
	fd, err := openRaw(append(path, "/status\x00"...))
	if err != nil {
		return 0
	}
	s.files = append(s.files, status{pid, fd, true})
	bytes, _ := s.swap(fd)
	return bytes
}

// swap looks for the line of VmSwap, in kB. Before it stand the groups, which
// may be thousands: the buffer may hold a part only. A zombie has no such line.
// Nobody can forge one: the kernel escapes newlines in names.
func (s *Swapped) swap(fd int) (bytes uint64, ok bool) {
	const key = "\nVmSwap:"
	matched := 0
	for off := int64(0); ; {
		n, err := unix.Pread(fd, s.text[:], off)
		if err != nil || n <= 0 {
			return bytes * 1024, err == nil && off > 0
		}
		off += int64(n)
		for _, c := range s.text[:n] {
			switch {
			case matched == len(key) && c == '\n':
				return bytes * 1024, true
			case matched == len(key) && c >= '0' && c <= '9':
				bytes = bytes*10 + uint64(c-'0')
			case matched == len(key):
			case c == key[matched]:
				matched++
			case c == '\n':
				matched = 1
			default:
				matched = 0
			}
		}
	}
}
