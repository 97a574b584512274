package process

import (
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// The descriptors of a shim. The backend sees the listening socket at 0 (fd0)
// or 3 (listen-fds), its output at 1 and 2, and the backend lock at 200.
const (
	socketFD = 3
	specFD   = 4
	wordFD   = 5 // read end: one byte says go, end of file says that keepone died
	reportFD = 6 // write end: why the backend could not run
	lockFD   = 200

	lockEntry = "/fd/200" // below /proc/PID
	lockInfo  = "/fdinfo/200"
)

// The exit statuses of a shim that could not become the backend, as sh(1) has
// them, and one for a lock that somebody holds, EX_TEMPFAIL of sysexits.h.
const (
	exitBlocked  = 75
	exitCannot   = 126
	exitNotFound = 127
)

// Handoff is how a backend is given the listening socket.
type Handoff string

const (
	FD0       Handoff = "fd0"        // as standard input, FCGI_LISTENSOCK_FILENO of the FastCGI specification
	ListenFDs Handoff = "listen-fds" // as descriptor 3 with LISTEN_FDS and LISTEN_PID, sd_listen_fds(3)
	NoSocket  Handoff = ""           // not at all: a check
)

// A Spec is what the shim does between fork and exec.
type Spec struct {
	Argv        []string          // the program and its arguments; without a slash it is looked for in PATH of Env
	Env         []string          // the whole environment
	Dir         string            // where it starts
	UID, GID    int               // who it is; -1 for no change
	Groups      []int             // supplementary groups, all of them
	Umask       int               // file mode creation mask
	Limits      map[string]uint64 // "nofile": 1024, in the units of setrlimit(2); Unlimited for no limit
	Nice        *int              // -20 to 19; nil for no change
	OOMScoreAdj *int              // -1000 to 1000; nil for keepone's own, but none below 0
	Frugal      bool              // make it smaller: no transparent huge pages, and less that malloc keeps
	Handoff     Handoff           // how it gets the listening socket
	Lock        string            // file that it holds locked for as long as it lives; "" for none
	Generation  int               // of its listening socket, for the mark
	Search      json.RawMessage   // what to look for before it runs, as Shim's caller knows it; empty for nothing
}

// Unlimited is the limit that is none, RLIM_INFINITY of setrlimit(2).
const Unlimited = unix.RLIM_INFINITY

// resources names what a Spec can limit, as limits.conf(5) does.
var resources = map[string]int{
	"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU,
	"data": unix.RLIMIT_DATA, "fsize": unix.RLIMIT_FSIZE, "memlock": unix.RLIMIT_MEMLOCK,
	"nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "stack": unix.RLIMIT_STACK,
}

// file writes the spec into a memfd(2): it never touches a disk, and an
// environment may hold secrets.
func (s *Spec) file() (*os.File, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("keepone-spec", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot make a memfd: %w", err)
	}
	f := os.NewFile(uintptr(fd), "spec")
	if _, err := f.WriteAt(text, 0); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot write the spec: %w", err)
	}
	return f, nil
}

func readSpec(fd int) (*Spec, error) {
	f := os.NewFile(uintptr(fd), "spec")
	defer f.Close()
	var s Spec
	return &s, json.NewDecoder(f).Decode(&s)
}
