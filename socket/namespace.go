package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// siocUnixFile is SIOCUNIXFILE of linux/un.h: a new O_PATH descriptor of the
// file that a Unix socket is bound to; ENOENT for none.
const siocUnixFile = unix.SIOCPROTOPRIVATE

// boundFile opens the file that the Unix socket is bound to, or was accepted
// at. It needs CAP_NET_ADMIN.
func boundFile(fd int) (int, error) { return unix.IoctlRetInt(fd, siocUnixFile) }

// ActiveIn counts the connections accepted at l whose client is still there
// among the descriptors of the processes, the backend's. Unlike Diag.Queue it
// sees clients of every network namespace: an accepted socket belongs to its
// client's. It costs some system calls per descriptor and needs root. A
// process that has ended counts nothing. Of a TCP socket it is what Diag.Queue
// sees: there the accepted socket belongs to the listening one's namespace.
func ActiveIn(l *Listener, pids []int) (int, error) { return l.family().activeIn(l, pids) }

func (unixFamily) activeIn(l *Listener, pids []int) (int, error) {
	if l.file < 0 {
		return 0, fmt.Errorf("cannot count the connections of %s: %w", l.options.Path, errNoFile)
	}
	active := make(map[string]bool) // by inode: a fork or dup(2) is the same connection
	for _, pid := range pids {
		if err := l.collect(pid, active); err != nil {
			return 0, fmt.Errorf("cannot count the connections of %s in process %d: %w", l.options.Path, pid, err)
		}
	}
	return len(active), nil
}

// collect adds the active connections of l that the process holds.
func (l *Listener) collect(pid int, active map[string]bool) error {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return ifThere(err)
	}
	defer unix.Close(pidfd)
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ifThere(err)
	}
	for _, entry := range entries {
		link, err := os.Readlink(dir + "/" + entry.Name())
		if errors.Is(err, fs.ErrPermission) { // CAP_DAC_OVERRIDE lists them, CAP_SYS_PTRACE alone says what they are
			return err
		}
		number, bad := strconv.Atoi(entry.Name())
		if err != nil || bad != nil || !strings.HasPrefix(link, "socket:") || active[link] {
			continue
		}
		is, err := l.activeAt(pidfd, number)
		if err != nil {
			return err
		}
		if is {
			active[link] = true
		}
	}
	return nil
}

// activeAt looks at one descriptor of another process.
func (l *Listener) activeAt(pidfd, number int) (bool, error) {
	fd, err := unix.PidfdGetfd(pidfd, number, 0)
	if err != nil {
		return false, ifThere(err)
	}
	defer unix.Close(fd)
	// The number of the ioctl means something else to other families.
	if domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil || domain != unix.AF_UNIX {
		return false, ifThere(err)
	}
	file, err := boundFile(fd)
	if err != nil {
		return false, ifThere(err)
	}
	defer unix.Close(file)
	var st unix.Stat_t
	if err := unix.Fstat(file, &st); err != nil || st.Dev != l.dev || st.Ino != l.ino {
		return false, err
	}
	if _, err := unix.Getpeername(fd); err != nil {
		return false, nil // the listening socket itself
	}
	poll := []unix.PollFd{{Fd: int32(fd)}}
	_, err = unix.Poll(poll, 0)
	for err == unix.EINTR { // a signal counts even where nothing waits
		_, err = unix.Poll(poll, 0)
	}
	if err != nil {
		return false, err
	}
	return poll[0].Revents&unix.POLLHUP == 0, nil // shut down both ways: the client is gone
}

// ifThere drops the errors of what ended meanwhile, and of sockets without a
// file.
func ifThere(err error) error {
	for _, gone := range []error{unix.ESRCH, unix.ENOENT, unix.EBADF} {
		if errors.Is(err, gone) {
			return nil
		}
	}
	return err
}
