package rival

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A file is a device and an inode; the zero one is no file.
type file struct{ dev, ino uint64 }

// identify names the file at a path. A file system that is at the other end of
// a network is asked for no more than has to be.
func identify(path string) (file, error) { return identifyAt(unix.AT_FDCWD, path, 0) }

func identifyAt(dir int, path string, flags int) (file, error) {
	var st unix.Statx_t
	if err := unix.Statx(dir, path, flags|unix.AT_STATX_DONT_SYNC, unix.STATX_INO, &st); err != nil {
		return file{}, err
	}
	return file{unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino}, nil
}

// resolve names the file that an absolute path means to a process, whose root
// may be another than ours. Where its root may not be seen ours is taken.
func (h host) resolve(pid int, path string) file {
	root, err := unix.Open(h.path(pid, "root"), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(root)
		how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT}
		fd, err := unix.Openat2(root, path, &how)
		if err == nil {
			defer unix.Close(fd)
			f, _ := identifyAt(fd, "", unix.AT_EMPTY_PATH)
			return f
		}
		if err != unix.ENOSYS && err != unix.EPERM { // no such call, or a filter against it
			return file{}
		}
	}
	f, _ := identify(path)
	return f
}

// find names the file that a process means by a path, and says where it is. A
// relative one is looked for where the process is, and where its shell was.
func (h host) find(pid int, path string, env environment) (string, file) {
	if filepath.IsAbs(path) {
		return filepath.Clean(path), h.resolve(pid, path)
	}
	if dir := h.link(pid, "cwd"); dir != "" {
		if f, err := identify(h.path(pid, "cwd/"+path)); err == nil {
			return filepath.Join(dir, path), f
		}
	}
	if dir := env.get("PWD"); filepath.IsAbs(dir) {
		if f := h.resolve(pid, filepath.Join(dir, path)); f != (file{}) {
			return filepath.Join(dir, path), f
		}
	}
	return path, file{}
}

// nextEntry takes the first name, which ends with NUL, off what getdents64
// returned: struct linux_dirent64 of getdents(2).
func nextEntry(b []byte) (name, rest []byte) {
	length := int(binary.NativeEndian.Uint16(b[16:]))
	return b[19:length], b[length:]
}

var socketPrefix = []byte("socket:[")

// socketAt is the inode of the socket that an entry of /proc/PID/fd links to; 0
// for anything else. The raw call spares a string for each of some thousand.
func socketAt(dir int, name []byte) (inode uint64) {
	var link [40]byte
	n, _, errno := unix.Syscall6(unix.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(&name[0])),
		uintptr(unsafe.Pointer(&link[0])), uintptr(len(link)), 0, 0)
	if errno != 0 || name[0] == '.' {
		return 0
	}
	number, ok := bytes.CutPrefix(link[:n], socketPrefix)
	if !ok || len(number) == 0 {
		return 0
	}
	inode, err := strconv.ParseUint(string(number[:len(number)-1]), 10, 64)
	if err != nil {
		return 0
	}
	return inode
}
