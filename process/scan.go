package process

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A scan reads small files and directories below /proc without allocating. It
// belongs to one goroutine.
type scan struct {
	path    [64]byte
	text    [4096]byte
	dir     [4096]byte
	leaders []int
	found   []int // strays that a search through all of /proc found
	reply   chan []int
	failed  bool // something could not be read, though it may be there
}

// Every backend needs some scans: they are used again.
var scans = sync.Pool{New: func() any {
	return &scan{leaders: make([]int, 0, 16), reply: make(chan []int, 1)}
}}

func newScan() *scan { return scans.Get().(*scan) }

func (s *scan) free() {
	s.found = nil
	scans.Put(s)
}

// open opens /proc/PID/task, /proc/PID/task/TID where tid is not 0, and what
// the suffix adds to it.
func (s *scan) open(pid, tid int, suffix string, flags int) (int, error) {
	p := append(strconv.AppendInt(append(s.path[:0], "/proc/"...), int64(pid), 10), "/task"...)
	if tid != 0 {
		p = strconv.AppendInt(append(p, '/'), int64(tid), 10)
	}
	fd, errno := openRaw(append(append(p, suffix...), 0), flags)
	if errno != 0 {
		s.failed = s.failed || errno != unix.ENOENT && errno != unix.ESRCH
		return -1, errno
	}
	return fd, nil
}

// openFile opens /proc/PID and what the suffix adds. What may not be read, a
// process of somebody else's, is no failure.
func (s *scan) openFile(pid int, suffix string, flags int) (int, error) {
	p := strconv.AppendInt(append(s.path[:0], "/proc/"...), int64(pid), 10)
	fd, errno := openRaw(append(append(p, suffix...), 0), flags)
	switch errno {
	case 0:
		return fd, nil
	case unix.ENOENT, unix.ESRCH, unix.EACCES, unix.EPERM:
	default:
		s.failed = true
	}
	return -1, errno
}

// openRaw spares the two allocations that a path as a string costs.
func openRaw(path []byte, flags int) (int, unix.Errno) {
	at := unix.AT_FDCWD
	fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(&path[0])), uintptr(flags|unix.O_CLOEXEC), 0, 0, 0)
	return int(fd), errno
}

// children appends the children of all threads of pid, as
// /proc/PID/task/TID/children of proc(5) lists them.
func (s *scan) children(pid int, buf []int) []int {
	fd, err := s.open(pid, 0, "", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return buf
	}
	defer unix.Close(fd)
	return s.entries(fd, buf, func(tid int, buf []int) []int { return s.ofThread(pid, tid, buf) })
}

// entries calls visit with every number that names an entry of a directory.
func (s *scan) entries(fd int, buf []int, visit func(n int, buf []int) []int) []int {
	for {
		n, err := unix.Getdents(fd, s.dir[:])
		if n <= 0 || err != nil {
			return buf
		}
		for at := 0; at < n; { // struct linux_dirent64 of getdents(2)
			entry := s.dir[at:n]
			if id, ok := number(entry[19:]); ok {
				buf = visit(id, buf)
			}
			at += int(binary.NativeEndian.Uint16(entry[16:]))
		}
	}
}

func (s *scan) ofThread(pid, tid int, buf []int) []int {
	fd, err := s.open(pid, tid, "/children", unix.O_RDONLY)
	if err != nil {
		return buf
	}
	defer unix.Close(fd)
	return s.numbers(fd, buf)
}

// numbers appends the decimal numbers in a file, whatever separates them.
func (s *scan) numbers(fd int, buf []int) []int {
	for off, value, digits := int64(0), 0, false; ; {
		n, err := unix.Pread(fd, s.text[:], off)
		if n <= 0 || err != nil {
			if digits {
				buf = append(buf, value)
			}
			return buf
		}
		off += int64(n)
		for _, c := range s.text[:n] {
			switch {
			case c >= '0' && c <= '9':
				value, digits = value*10+int(c-'0'), true
			case digits:
				buf = append(buf, value)
				value, digits = 0, false
			}
		}
	}
}

// number reads a NUL-terminated decimal name.
func number(name []byte) (n int, ok bool) {
	for _, c := range name {
		if c == 0 {
			return n, ok
		}
		if c < '0' || c > '9' {
			return 0, false
		}
		n, ok = n*10+int(c-'0'), true
	}
	return n, ok
}

// realUser is who started the process; -1 where that cannot be read. Anybody
// may start a set-user-ID program with an environment of his own.
func (s *scan) realUser(pid int) int {
	fd, err := s.openFile(pid, "/status", unix.O_RDONLY)
	if err != nil {
		return -1
	}
	defer unix.Close(fd)
	n, err := unix.Pread(fd, s.text[:], 0)
	if err != nil {
		return -1
	}
	_, line, ok := bytes.Cut(s.text[:n], []byte("\nUid:\t")) // proc_pid_status(5): real, effective, ...
	user := 0
	for i, c := range line {
		if c < '0' || c > '9' {
			ok = ok && i > 0
			break
		}
		user = user*10 + int(c-'0')
	}
	if !ok {
		return -1
	}
	return user
}
