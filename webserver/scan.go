package webserver

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// linksMost is how many descriptors one search looks at, some milliseconds'
// worth. A web server with thousands of connections may stay a guess until it
// has fewer.
const linksMost = 4096

// A scan reads small files and directories below /proc without allocating.
type scan struct {
	root   string // /proc, in tests another
	path   []byte
	text   [1024]byte // of stat at most 900, of comm 16
	dir    [4096]byte
	link   [64]byte
	links  int  // descriptors that may still be looked at
	failed bool // something could not be read, though it may be there
}

// open opens what the suffix names below the root. What is gone, or not ours to
// look at, is no failure.
func (s *scan) open(pid int, suffix string, flags int) (fd int, ok bool) {
	p := append(s.path[:0], s.root...)
	if pid != 0 {
		p = strconv.AppendInt(append(p, '/'), int64(pid), 10)
	}
	p = append(append(p, suffix...), 0)
	s.path = p
	at := unix.AT_FDCWD
	n, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(&p[0])), uintptr(flags|unix.O_CLOEXEC), 0, 0, 0)
	switch errno {
	case 0:
		return int(n), true
	case unix.ENOENT, unix.ESRCH, unix.EACCES, unix.EPERM:
	default:
		s.failed = true
	}
	return -1, false
}

// read reads the beginning of a file of the process; nothing when it is gone.
func (s *scan) read(pid int, suffix string) []byte {
	fd, ok := s.open(pid, suffix, unix.O_RDONLY)
	if !ok {
		return nil
	}
	defer unix.Close(fd)
	n, _ := unix.Read(fd, s.text[:])
	return s.text[:max(n, 0)]
}

// name is the one of the names that the process has, "" for none.
func (s *scan) name(pid int, names []string) string {
	comm := bytes.TrimSuffix(s.read(pid, "/comm"), []byte{'\n'})
	for _, name := range names {
		if string(comm) == name {
			return name
		}
	}
	return ""
}

// stat fills in the parent and the start time, fields 4 and 22 of
// proc_pid_stat(5), which follow the command in parentheses. A zombie has no
// memory any more: it is nobody.
func (s *scan) stat(p *process) bool {
	text := s.read(p.pid, "/stat")
	text = text[bytes.LastIndexByte(text, ')')+1:]
	for field, at := 2, 0; at < len(text); at++ {
		c := text[at]
		switch {
		case c == ' ':
			field++
		case field == 3 && (c == 'Z' || c == 'X'):
			return false
		case field == 4:
			p.parent = p.parent*10 + int(c-'0')
		case field == 22:
			p.start = p.start*10 + uint64(c-'0')
		case field > 22:
			return true
		}
	}
	return false
}

// each calls visit with every entry of a directory that is a number, with the
// descriptor of the directory, and with
// its name, which ends in NUL, until it returns false.
func (s *scan) each(pid int, suffix string, visit func(n, dir int, name *byte) bool) {
	fd, ok := s.open(pid, suffix, unix.O_RDONLY|unix.O_DIRECTORY)
	if !ok {
		s.failed = s.failed || pid == 0
		return
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Getdents(fd, s.dir[:])
		if n <= 0 || err != nil {
			s.failed = s.failed || err != nil && pid == 0
			return
		}
		for at := 0; at < n; { // struct linux_dirent64 of getdents(2)
			entry := s.dir[at:n]
			if id, ok := number(entry[19:], 0); ok && !visit(id, fd, &entry[19]) {
				return
			}
			at += int(binary.NativeEndian.Uint16(entry[16:]))
		}
	}
}

// holds says whether the process can be seen to have one of the sockets open.
func (s *scan) holds(pid int, sockets []uint64) (found bool) {
	if s.links <= 0 {
		return false
	}
	s.each(pid, "/fd", func(_, dir int, name *byte) bool {
		s.links--
		n, _, errno := unix.Syscall6(unix.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(name)),
			uintptr(unsafe.Pointer(&s.link[0])), uintptr(len(s.link)), 0, 0)
		if errno == 0 {
			if rest, ok := bytes.CutPrefix(s.link[:n], socketPrefix); ok {
				ino, ok := number(rest, ']')
				found = ok && slices.Contains(sockets, uint64(ino))
			}
		}
		return !found && s.links > 0
	})
	return found
}

var socketPrefix = []byte("socket:[")

// number reads a decimal number that ends with that byte.
func number(text []byte, end byte) (n int, ok bool) {
	for _, c := range text {
		if c == end {
			return n, true
		}
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return 0, false
}
