package main

import (
	"bytes"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// newcomers says cheaply whether any process was made on this host: the last
// field of /proc/loadavg, proc_loadavg(5), is the number that was given last. It
// allocates nothing.
type newcomers struct {
	fd     int // of /proc/loadavg; -1 where that cannot be had
	buf    [128]byte
	latest atomic.Uint64 // at the end of the latest search
	looked atomic.Int64  // when that was, nanoseconds of Unix time
}

func (n *newcomers) open() {
	fd, err := unix.Open("/proc/loadavg", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		fd = -1
	}
	n.fd = fd
}

// any says whether a search is worth while. A process that becomes a rival
// by execve(2) alone has no new number; it is found by the search that is due.
func (n *newcomers) any(now time.Time) bool {
	return now.UnixNano()-n.looked.Load() >= int64(searchEvery) || latestPID(n.fd, n.buf[:]) != n.latest.Load()
}

// reset is called when a search has ended, by its goroutine.
func (n *newcomers) reset() {
	var buf [128]byte
	n.latest.Store(latestPID(n.fd, buf[:]))
	n.looked.Store(time.Now().UnixNano())
}

// latestPID is 0 where it cannot be told.
func latestPID(fd int, buf []byte) (pid uint64) {
	if fd < 0 {
		return 0
	}
	count, err := unix.Pread(fd, buf, 0)
	if err != nil {
		return 0
	}
	text := bytes.TrimRight(buf[:count], "\n")
	for _, c := range text[bytes.LastIndexByte(text, ' ')+1:] {
		if c < '0' || c > '9' {
			return 0
		}
		pid = pid*10 + uint64(c-'0')
	}
	return pid
}
