package rss

import "golang.org/x/sys/unix"

// A Swapped reads how much of the processes it is asked for is swapped out. As
// long as the host has nothing in swap at all that is one system call, whatever
// the number of processes; else one for each more, from files that stay open.
// The zero value is ready. It belongs to one goroutine.
type Swapped struct {
	openFiles
	host unix.Sysinfo_t
	text [4096]byte
}

// Sum returns the bytes of the processes that are swapped out: VmSwap of
// proc_pid_status(5), a page that some of them share counted once for each,
// nothing of tmpfs and shared memory. A process that is gone counts nothing.
func (s *Swapped) Sum(pids []int) (bytes uint64) {
	if !s.inUse() {
		pids = nil
	}
	return s.sum(pids, "status", s)
}

// inUse says whether the host has anything in swap: sysinfo(2). Where that
// cannot be told, the processes are asked.
func (s *Swapped) inUse() bool {
	return unix.Sysinfo(&s.host) != nil || s.host.Freeswap != s.host.Totalswap
}

// read looks for the line of VmSwap, in kB. Before it stand the groups, which
// may be thousands: the buffer may hold a part only. A zombie has no such line.
// Nobody can forge one: the kernel escapes newlines in names.
func (s *Swapped) read(fd int) (bytes uint64, ok bool) {
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
