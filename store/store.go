// Package store keeps descriptors in systemd's descriptor store: what is there
// outlives keepone, and also keepone and its backend together. It tells systemd
// other things, too. Elsewhere it does nothing.
//
// See sd_notify(3) for FDSTORE, sd_listen_fds(3) for what comes back, and
// systemd.service(5) for FileDescriptorStoreMax.
package store

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Descriptor is one that the init system passed.
type Descriptor struct {
	Name string // as it was stored, or the name of the socket unit; "" where none was given
	FD   int    // close-on-exec by now
}

const firstFD = 3 // SD_LISTEN_FDS_START of sd_listen_fds(3)

// Inherited returns what the init system passed to this very process, and
// takes the word of it out of the environment, which children inherit.
func Inherited() []Descriptor {
	pid, count, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"} {
		os.Unsetenv(name)
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > 1<<16 || pid != strconv.Itoa(os.Getpid()) {
		return nil
	}
	all, each := make([]Descriptor, n), strings.Split(names, ":")
	for i := range all {
		all[i].FD = firstFD + i
		if i < len(each) {
			all[i].Name = each[i]
		}
		unix.CloseOnExec(all[i].FD)
	}
	return all
}

// Enabled says whether there is a systemd to store anything. Whether the unit
// lets it is not told: a store that is off forgets in silence.
func Enabled() bool { return os.Getenv("NOTIFY_SOCKET") != "" }

// Put stores a copy of the descriptor under a name, which replaces nothing:
// several may have the same. It stays stored when its other end is gone.
func Put(name string, fd int) error {
	return send("FDSTORE=1\nFDPOLL=0\nFDNAME="+name, fd)
}

// Remove lets go of everything that is stored under the name.
func Remove(name string) error { return send("FDSTOREREMOVE=1\nFDNAME=" + name) }

// Say tells systemd a state, as sd_notify(3), and does not wait where it reads
// nothing: then the error is EAGAIN.
func Say(state string) error { return send(state) }

// send is sd_pid_notify_with_fds(3), from a socket that is not connected: only
// then may a message carry descriptors and a name that begins with @.
func send(message string, fds ...int) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("cannot tell systemd anything: %w", err)
	}
	defer unix.Close(fd)
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	err = unix.Sendmsg(fd, []byte(message), rights, &unix.SockaddrUnix{Name: path}, unix.MSG_NOSIGNAL)
	if err != nil {
		return fmt.Errorf("cannot tell systemd at %s: %w", path, err)
	}
	return nil
}
