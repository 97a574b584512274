package socket

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"golang.org/x/sys/unix"
)

// Holder is a process that holds a listening socket.
type Holder struct {
	PID     int
	Command string // command line, cut and made printable; the bare name where there is none
	User    string // name, or the number where it has none
}

func (h Holder) String() string { return fmt.Sprintf("pid %d (%s, user %s)", h.PID, h.Command, h.User) }

// Listening says whether somebody listens on the socket file at path, and
// which processes can be seen to hold that socket: none where they belong to
// others and we are not root. A socket of this network namespace is not
// touched; the others show by a connection, closed at once. At a tcp://
// address it is who listens in this network namespace.
func Listening(path string) (live bool, who []Holder, err error) {
	o := Options{Path: path}
	return o.family().listening(o)
}

func (unixFamily) listening(o Options) (live bool, who []Holder, err error) {
	path := o.Path
	file, err := openPath(path)
	if errors.Is(err, unix.ENOENT) {
		return false, nil, nil
	}
	if err != nil {
		return false, nil, fmt.Errorf("cannot look at %s: %w", path, err)
	}
	defer unix.Close(file)
	live, ino, pid, err := listening(file)
	if err != nil {
		return false, nil, fmt.Errorf("cannot find out whether somebody listens on %s: %w", path, err)
	}
	if live {
		who = holders(ino, pid)
	}
	return live, who, nil
}

// listening looks for a socket bound to file: its sockfs inode, or, when only
// a connection proved it, the process that called listen(2) (0: unknown).
func listening(file int) (live bool, ino uint32, pid int, err error) {
	if ino = boundTo(file); ino != 0 {
		return true, ino, 0, nil
	}
	fd, err := connectTo(file)
	switch {
	case err == nil:
		defer unix.Close(fd)
		if cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
		return true, 0, pid, nil
	case errors.Is(err, unix.ECONNREFUSED):
		return false, 0, 0, nil
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EPROTOTYPE): // full; not a stream socket
		return true, 0, 0, nil
	}
	return false, 0, 0, err
}

// boundTo asks unix_diag for the socket bound to file, 0 for none. What was
// accepted from a listening socket that is gone does not count. Errors are
// none: the connection decides.
func boundTo(file int) (ino uint32) {
	id, err := identityOf(file)
	if err != nil {
		return 0
	}
	d, err := OpenDiag()
	if err != nil {
		return 0
	}
	defer d.Close()
	_, _ = d.dump(1<<stateListen|1<<stateClose, showVFS, func(r report) {
		if r.bound && r.file == id && r.ino != 0 {
			ino = r.ino
		}
	})
	return ino
}

// identityOf is the identity of the file behind an O_PATH descriptor. The
// device comes from the mount (mountinfo in proc(5)), because stat(2) shows
// another one on btrfs and overlayfs.
func identityOf(file int) (identity, error) {
	var st unix.Statx_t
	err := unix.Statx(file, "", unix.AT_EMPTY_PATH, unix.STATX_INO|unix.STATX_MNT_ID, &st)
	if err != nil {
		return identity{}, err
	}
	major, minor := st.Dev_major, st.Dev_minor
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return identity{}, err
	}
	mount := strconv.FormatUint(st.Mnt_id, 10)
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == mount {
			if _, err := fmt.Sscanf(f[2], "%d:%d", &major, &minor); err != nil {
				return identity{}, err
			}
		}
	}
	return identity{dev: major<<20 | minor, ino: uint32(st.Ino)}, nil
}

// holders names the processes with a descriptor of the socket, or pid.
func holders(ino uint32, pid int) (who []Holder) {
	if ino == 0 {
		if pid > 0 {
			who = append(who, holder(pid))
		}
		return who
	}
	entries, _ := os.ReadDir("/proc") // a partial list names those it can
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && holds(pid, ino) {
			who = append(who, holder(pid))
		}
	}
	return who
}

// holds says whether the process can be seen to have a descriptor of the
// socket.
func holds(pid int, ino uint32) bool {
	if ino == 0 {
		return false
	}
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, _ := os.ReadDir(dir) // gone, or not ours to look at
	want := fmt.Sprintf("socket:[%d]", ino)
	for _, entry := range entries {
		if link, err := os.Readlink(dir + "/" + entry.Name()); err == nil && link == want {
			return true
		}
	}
	return false
}

// commandMax keeps a long command line from filling the error.
const commandMax = 120

func holder(pid int) Holder {
	h := Holder{PID: pid, Command: "?", User: "?"}
	dir := fmt.Sprintf("/proc/%d", pid)
	for _, name := range []string{"/cmdline", "/comm"} {
		b, _ := os.ReadFile(dir + name)
		if s := strings.TrimSpace(strings.ReplaceAll(string(b), "\x00", " ")); s != "" {
			h.Command = printable(s)
			break
		}
	}
	if info, err := os.Stat(dir); err == nil {
		h.User = strconv.FormatUint(uint64(info.Sys().(*syscall.Stat_t).Uid), 10)
		if u, err := user.LookupId(h.User); err == nil {
			h.User = u.Username
		}
	}
	return h
}

// printable keeps what another process chose from writing lines of its own
// into ours.
func printable(s string) string {
	if len(s) > commandMax {
		s = s[:commandMax] + "..."
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
