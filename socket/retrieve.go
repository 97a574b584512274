package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Retrieve duplicates the socket with that sockfs inode (Listener.SockIno) out
// of one of the processes, whatever its number there: pidfd_getfd(2). It needs
// the right to trace that process; the error wraps fs.ErrPermission without,
// and fs.ErrNotExist when none of them has the socket.
func Retrieve(inode uint64, pids []int) (fd int, err error) {
	err = fs.ErrNotExist
	for _, pid := range pids {
		fd, one := retrieve(inode, pid)
		if one == nil {
			return fd, nil
		}
		if !errors.Is(one, fs.ErrNotExist) {
			err = one
		}
	}
	return -1, fmt.Errorf("cannot take socket %d back from the processes %v: %w", inode, pids, err)
}

func retrieve(inode uint64, pid int) (int, error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1, fs.ErrNotExist
	}
	defer unix.Close(pidfd)
	dir := "/proc/" + strconv.Itoa(pid) + "/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return -1, err
	}
	want := fmt.Sprintf("socket:[%d]", inode)
	for _, e := range entries {
		number, err := strconv.Atoi(e.Name())
		if name, _ := os.Readlink(dir + "/" + e.Name()); err != nil || name != want {
			continue
		}
		fd, err := unix.PidfdGetfd(pidfd, number, 0)
		if err != nil {
			return -1, err
		}
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Ino == inode { // it may have been closed and opened meanwhile
			return fd, nil
		}
		unix.Close(fd)
	}
	return -1, fs.ErrNotExist
}
