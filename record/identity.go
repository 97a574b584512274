package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// ErrGone says that a recorded process lives no more, whoever has its number.
var ErrGone = errors.New("the process is gone")

// Identify returns the process that has the number now.
func Identify(pid int) (Process, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return Process{}, gone(err)
	}
	st, err := p.Stat()
	if err != nil {
		return Process{}, gone(err)
	}
	return Process{pid, st.Starttime}, nil
}

// gone makes "no such file" of /proc mean what it means there.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return ErrGone
	}
	return fmt.Errorf("cannot identify the process: %w", err)
}

// Open returns a pidfd of the process, or ErrGone when the number means
// nobody, or somebody else, by now.
func (p Process) Open() (pidfd int, err error) {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return -1, gone(err)
	}
	// The pidfd is opened first: whoever it means cannot change any more. It is
	// readable when that is a zombie, pidfd_open(2).
	if now, err := Identify(p.PID); err != nil || now != p || ended(fd) {
		unix.Close(fd)
		if err == nil {
			err = ErrGone
		}
		return -1, err
	}
	return fd, nil
}

func ended(pidfd int) bool {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
		if err != unix.EINTR { // a signal counts even where nothing waits
			return n > 0
		}
	}
}

// Started is when the process was spawned, by the clock on the wall: its start
// time counts ticks of USER_HZ, which is 100 on Linux, after boot.
func (p Process) Started() time.Time {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return time.Now()
	}
	return time.Now().Add(time.Duration(p.Start)*(time.Second/100) - time.Duration(now.Nano()))
}

// bootID is new with every boot: /proc/sys/kernel/random/boot_id of random(4).
// It is read once, as far as it can be.
var bootID = sync.OnceValue(func() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
})
