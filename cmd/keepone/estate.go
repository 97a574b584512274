package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keepone/record"
	"keepone/supervise"
)

// estateVariable has the number of the descriptor that an estate is read from.
const estateVariable = "KEEPONE_ESTATE"

// An estate is what keepone leaves to itself when a new program takes its place
// by execve(2): the content of the state file, and descriptors that stay open.
type estate struct {
	State   record.State     `json:"state"`
	Lock    int              `json:"lock"`
	Control int              `json:"control"`
	Sockets []int            `json:"sockets"`
	Path    string           `json:"path"`  // where they are published
	Fixed   bool             `json:"fixed"` // they are an init system's
	Seen    supervise.Status `json:"seen"`  // what the loop knew
	Cures   cures            `json:"cures"`
	Alerts  alerts           `json:"alerts"`
	Config  string           `json:"config,omitempty"` // in force, where the program goes on with it; "" where it reads the file anew
	Slims   int              `json:"slims,omitempty"`  // how often it began anew to be smaller
	File    string           `json:"file,omitempty"`
}

func (e *estate) descriptors() []int { return append([]int{e.Lock, e.Control}, e.Sockets...) }

// memoryFile writes v as JSON where a process that inherits it can read it and
// nobody else: no disk, no name.
func memoryFile(name string, v any) (*os.File, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot make a memfd: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.WriteAt(text, 0); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot write to a memfd: %w", err)
	}
	return f, nil
}

// keepOpen says whether execve(2) leaves the descriptors open.
func keepOpen(fds []int, open bool) {
	for _, fd := range fds {
		if open {
			unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
		} else {
			unix.CloseOnExec(fd)
		}
	}
}

// inheritedEstate reads what the former program left; nil when keepone was
// started like any other. Only what this very process left itself is believed:
// execve(2) keeps its number and start time.
func inheritedEstate() (*estate, error) {
	number, ok := os.LookupEnv(estateVariable)
	if !ok {
		return nil, nil
	}
	os.Unsetenv(estateVariable)
	fd, err := strconv.Atoi(number)
	if err != nil {
		return nil, fmt.Errorf("cannot read the estate: %s is %q", estateVariable, number)
	}
	f := os.NewFile(uintptr(fd), "estate")
	if f == nil {
		return nil, fmt.Errorf("cannot read the estate: %s is %q", estateVariable, number)
	}
	defer f.Close()
	var e estate
	if err := json.NewDecoder(f).Decode(&e); err != nil {
		return nil, fmt.Errorf("cannot read the estate: %w", err)
	}
	self, err := record.Identify(os.Getpid())
	if err != nil || self != e.State.Supervisor {
		return nil, fmt.Errorf("cannot believe the estate in %s: it is not of this process", estateVariable)
	}
	keepOpen(e.descriptors(), false)
	return &e, nil
}

// keepPath keeps a running keepone's socket where it is, whatever the file says
// by now: only a new start moves it.
func (s *site) keepPath(v *view, e *estate) *view {
	if e == nil || v.Socket.Path == e.Path && s.fixed == e.Fixed {
		return v
	}
	if v.Socket.Path != e.Path && !e.Fixed {
		v.later = []string{"socket.path"}
	}
	v.Socket.Path, s.fixed = e.Path, e.Fixed
	return v
}

// programPath is where keepone was started from, links unresolved: a package,
// or who keeps versions side by side, puts another one there.
func programPath() string {
	self, err := os.Stat("/proc/self/exe")
	candidates := []string{os.Args[0]}
	if !strings.Contains(os.Args[0], "/") {
		candidates = nil
		for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
			candidates = append(candidates, filepath.Join(dir, os.Args[0]))
		}
	}
	for _, path := range candidates {
		there, failed := os.Stat(path)
		if path, absolute := filepath.Abs(path); err == nil && failed == nil && absolute == nil && os.SameFile(self, there) {
			return path
		}
	}
	path, err := os.Executable()
	if err != nil {
		return "/proc/self/exe"
	}
	return strings.TrimSuffix(path, " (deleted)")
}
