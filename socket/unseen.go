package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// protoName is the attribute in which a socket says what it is, "UNIX" or
// "UNIX-STREAM" for ours: sockfs_xattr_get of the kernel's net/socket.c. It can
// be read through /proc/PID/fd by whoever may follow the links there.
const protoName = "system.sockprotoname"

// UnseenIn counts the Unix sockets among the descriptors of the processes that
// belong to another network namespace than ours. Those that a process makes
// itself belong to ours, so these are connections that it has accepted from
// elsewhere. It is for where ActiveIn is not permitted, in a container as a
// rule: without CAP_SYS_PTRACE and CAP_NET_ADMIN, and with pidfd_getfd(2)
// filtered out. Connections whose client is gone count until they are closed,
// and so do those at another socket of the backend's.
//
// The processes must be those of user uid and group gid, as whom they are looked
// at; -1 is as ourselves. Without the right to look the error wraps
// fs.ErrPermission. Of a TCP socket nothing is unseen.
func UnseenIn(l *Listener, pids []int, uid, gid int) (n int, err error) {
	if _, tcp := l.family().(tcpFamily); tcp {
		return 0, nil
	}
	d, err := OpenDiag()
	if err != nil {
		return 0, err
	}
	defer d.Close()
	err = asUser(uid, gid, func() error {
		seen := make(map[string]bool) // by inode: a fork or dup(2) is the same connection
		for _, pid := range pids {
			more, err := d.unseenIn(pid, seen)
			if err != nil {
				return fmt.Errorf("cannot count the connections of %s in process %d: %w", l.options.Path, pid, err)
			}
			n += more
		}
		return nil
	})
	return n, err
}

func (d *Diag) unseenIn(pid int, seen map[string]bool) (n int, err error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, ifThere(err)
	}
	for _, entry := range entries {
		link, err := os.Readlink(dir + "/" + entry.Name())
		if errors.Is(err, fs.ErrPermission) {
			return 0, err
		}
		var ino uint32
		if _, bad := fmt.Sscanf(link, "socket:[%d]", &ino); err != nil || bad != nil || seen[link] {
			continue
		}
		seen[link] = true
		var name [32]byte
		if size, err := unix.Getxattr(dir+"/"+entry.Name(), protoName, name[:]); err != nil || !strings.HasPrefix(string(name[:size]), "UNIX") {
			continue
		}
		if _, err := d.exact(ino, 0); errors.Is(err, fs.ErrNotExist) {
			n++
		} else if err != nil {
			return n, err
		}
	}
	return n, nil
}

// asUser calls f as somebody else where files are concerned, on a thread that
// nothing else runs on meanwhile: setfsuid(2) is the thread's own. It needs
// CAP_SETUID and CAP_SETGID.
func asUser(uid, gid int, f func() error) error {
	if uid < 0 {
		return f()
	}
	runtime.LockOSThread()
	dumpable, _ := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	unix.Setfsgid(gid)
	unix.Setfsuid(uid)
	err := f()
	unix.Setfsuid(os.Geteuid())
	unix.Setfsgid(os.Getegid())
	unix.Prctl(unix.PR_SET_DUMPABLE, uintptr(dumpable), 0, 0, 0) // else nobody may look at us any more
	if now, _ := unix.SetfsuidRetUid(-1); now == os.Geteuid() {
		runtime.UnlockOSThread() // else the thread ends with the goroutine
	}
	return err
}
