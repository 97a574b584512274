package rss

import (
	"errors"
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Rollup is what processes weigh together, in bytes.
type Rollup struct {
	RSS      uint64 // resident, shared pages counted once for each process
	PSS      uint64 // resident, of a shared page only each one's share
	Private  uint64 // resident and nobody else's: what their end would set free
	Swap     uint64 // swapped out, shared in proportion as PSS is; nothing of tmpfs and shared memory
	SwapFull uint64 // swapped out, counted once for each process, shared memory too
}

// Rollups reads /proc/PID/smaps_rollup, which is there since Linux 4.14: see
// proc_pid_smaps(5). The kernel walks the page tables for it, some tenths of a
// millisecond to some milliseconds for a process: it is for a decision or a
// question, and Sampler for every second. The zero value is ready. It allocates
// nothing and belongs to one goroutine.
type Rollups struct {
	path [64]byte
	text [4096]byte // of which it needs a quarter

	err   error // the latest, which is likely to come again
	pid   int   // that it was about
	cause error
}

var (
	errNoRollup = errors.New("the kernel has no smaps_rollup, which takes Linux 4.14 with CONFIG_PROC_PAGE_MONITOR")
	errRollup   = errors.New("its smaps_rollup is not as proc_pid_smaps(5) says")
)

// Sum weighs the processes. One that is gone counts nothing, nor does one that
// has no memory of its own any more, a zombie. When one may not be looked at,
// or cannot be, there is an error and no sum: a part would pass for the whole.
func (r *Rollups) Sum(pids []int) (sum Rollup, err error) {
	for _, pid := range pids {
		if cause := r.add(pid, &sum); cause != nil {
			return Rollup{}, r.failure(pid, cause)
		}
	}
	return sum, nil
}

// failure is the error, the same one as before when nothing has changed: an
// ordinary user may be asked every minute for what is not allowed.
func (r *Rollups) failure(pid int, cause error) error {
	if r.err == nil || r.pid != pid || r.cause != cause {
		r.pid, r.cause = pid, cause
		r.err = fmt.Errorf("cannot weigh process %d: %w", pid, cause)
		if cause == unix.EACCES || cause == unix.EPERM {
			r.err = fmt.Errorf("%w; only root and its own user may read its smaps_rollup", r.err)
		}
	}
	return r.err
}

func (r *Rollups) add(pid int, sum *Rollup) error {
	path := strconv.AppendInt(append(r.path[:0], "/proc/"...), int64(pid), 10)
	fd, err := openRaw(append(path, "/smaps_rollup\x00"...))
	if err == unix.ENOENT {
		return r.missing(pid)
	}
	if err != nil {
		return ifLives(err)
	}
	n, err := unix.Pread(fd, r.text[:], 0)
	unix.Close(fd)
	if err != nil || n == 0 {
		return ifLives(err)
	}
	return sum.read(r.text[:n])
}

// missing tells a process that is gone from one that is hidden (hidepid of
// proc(5)), and from a kernel that has no such files.
func (r *Rollups) missing(pid int) error {
	if pid <= 0 || unix.Kill(pid, 0) == unix.ESRCH {
		return nil
	}
	fd, err := openRaw(append(r.path[:0], "/proc/self/smaps_rollup\x00"...))
	if err != nil {
		return errNoRollup
	}
	unix.Close(fd)
	return unix.EACCES
}

// read adds what the lines say, each a key, a colon and a number of kB.
func (sum *Rollup) read(text []byte) error {
	found := 0
	for len(text) > 0 {
		line := text
		for i, c := range text {
			if c == '\n' {
				line = text[:i]
				break
			}
		}
		text = text[min(len(line)+1, len(text)):]
		if sum.line(line) {
			found++
		}
	}
	if found != 6 {
		return errRollup
	}
	return nil
}

func (sum *Rollup) line(line []byte) (known bool) {
	colon := 0
	for colon < len(line) && line[colon] != ':' {
		colon++
	}
	var bytes uint64
	for _, c := range line[colon:] {
		if c >= '0' && c <= '9' {
			bytes = bytes*10 + uint64(c-'0')
		}
	}
	bytes *= 1024
	switch string(line[:colon]) {
	case "Rss":
		sum.RSS += bytes
	case "Pss":
		sum.PSS += bytes
	case "Private_Clean", "Private_Dirty":
		sum.Private += bytes
	case "SwapPss":
		sum.Swap += bytes
	case "Swap":
		sum.SwapFull += bytes
	default:
		return false
	}
	return true
}

// ifLives drops the error that means that the process ended meanwhile.
func ifLives(err error) error {
	if err == unix.ESRCH {
		return nil
	}
	return err
}

// openRaw opens for reading what the path, which ends in NUL, names. It spares
// the allocations that a path as a string costs.
func openRaw(path []byte) (fd int, err error) {
	at := unix.AT_FDCWD
	n, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(&path[0])), unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
