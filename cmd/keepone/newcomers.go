package main

import (
	"bytes"
	"os"
	"strconv"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newcomersMost is how many numbers of processes are looked at one by one.
const newcomersMost = 64

// newcomers says cheaply whether a process was made on this host that may be a
// rival. The last field of /proc/loadavg, proc_loadavg(5), is the number that
// was given last; who had the numbers since the latest search may be dead, a
// thread, or a search of some keepone, and then none is worth while. It allocates
// nothing.
type newcomers struct {
	fd     int    // of /proc/loadavg; -1 where that cannot be had
	self   []byte // the path of this program
	path   []byte
	text   [512]byte
	latest atomic.Uint64 // the number that was given last when it was looked last
	looked atomic.Int64  // when the latest search began, nanoseconds of Unix time
}

func (n *newcomers) open() {
	fd, err := unix.Open("/proc/loadavg", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		fd = -1
	}
	self, _ := os.Readlink("/proc/self/exe")
	n.fd, n.self, n.path = fd, []byte(self), make([]byte, 0, 32)
}

// any says whether a search is worth while; it belongs to the loop. A process
// that becomes a rival by execve(2) alone has no new number: it is found by the
// search that is due.
func (n *newcomers) any(now time.Time) bool {
	before, latest := n.latest.Load(), latestPID(n.fd, n.text[:])
	if now.UnixNano()-n.looked.Load() >= int64(searchEvery) || latest < before || latest-before > newcomersMost {
		return true
	}
	for pid := before + 1; pid <= latest; pid++ {
		if n.matters(pid) {
			return true
		}
	}
	n.latest.CompareAndSwap(before, latest)
	return false
}

// matters says whether the number is that of a process that lives and is none of
// keepone's own program.
func (n *newcomers) matters(pid uint64) bool {
	path := append(strconv.AppendUint(append(n.path[:0], "/proc/"...), pid, 10), "/status\x00"...)
	at := unix.AT_FDCWD
	fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(&path[0])), unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
	if errno != 0 {
		return errno != unix.ENOENT
	}
	count, err := unix.Read(int(fd), n.text[:])
	unix.Close(int(fd))
	if err != nil {
		return err != unix.ESRCH // it has just died
	}
	_, line, _ := bytes.Cut(n.text[:count], tgidLine)
	if decimal(line) != pid { // a thread
		return false
	}
	path = append(path[:len(path)-len("status\x00")], "exe\x00"...)
	size, _, errno := unix.Syscall6(unix.SYS_READLINKAT, uintptr(at), uintptr(unsafe.Pointer(&path[0])),
		uintptr(unsafe.Pointer(&n.text[0])), uintptr(len(n.text)), 0, 0)
	return errno != 0 || !bytes.Equal(n.text[:size], n.self)
}

// tgidLine is where proc_pid_status(5) says whose thread it is.
var tgidLine = []byte("\nTgid:\t")

// reset is called before a search begins, by its goroutine: who comes while it
// looks is looked at next time.
func (n *newcomers) reset() {
	var text [128]byte
	n.latest.Store(latestPID(n.fd, text[:]))
	n.looked.Store(time.Now().UnixNano())
}

// latestPID is 0 where it cannot be told.
func latestPID(fd int, text []byte) uint64 {
	if fd < 0 {
		return 0
	}
	count, err := unix.Pread(fd, text, 0)
	if err != nil {
		return 0
	}
	text = text[:count]
	return decimal(text[bytes.LastIndexByte(text, ' ')+1:])
}

// decimal reads a number up to what is no digit.
func decimal(text []byte) (number uint64) {
	for _, c := range text {
		if c < '0' || c > '9' {
			break
		}
		number = number*10 + uint64(c-'0')
	}
	return number
}
