// Package record keeps what the next keepone must know when this one is
// killed: which process is the backend, and which socket it serves.
package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Version is the format that Write writes. Read refuses a newer one.
const Version = 1

// A State is the content of the state file.
type State struct {
	Version    int      `json:"version"`
	Boot       string   `json:"boot"`             // of the kernel that the processes belong to
	Supervisor Process  `json:"supervisor"`       // who wrote it
	Phase      string   `json:"state"`            // the supervisor's state then
	Backend    *Process `json:"backend"`          // nil for none
	Socket     Socket   `json:"socket"`           // what the backend serves
	Holder     *Process `json:"holder,omitempty"` // the shim that waits with the next socket
	Next       *Socket  `json:"next,omitempty"`   // the socket that new requests wait at, where it is another
	Restarts   int      `json:"restarts"`
	Command    string   `json:"command,omitempty"` // that the backend was started with, for people
	Config     string   `json:"config,omitempty"`  // digest of what the backend was made with
	Last       *Event   `json:"last,omitempty"`    // the latest restart
	LastExit   string   `json:"last_exit,omitempty"`
	Failures   int      `json:"failures,omitempty"` // in a row
	Upgrades   int      `json:"upgrades,omitempty"` // of keepone, in place, since it was started
	Turn       *Turn    `json:"turn,omitempty"`     // somebody has the backend's place
}

// An Event is a restart of the backend.
type Event struct {
	Reason string    `json:"reason"`
	Exit   string    `json:"exit"` // how the former backend ended
	At     time.Time `json:"at"`
}

// A Process is a pid that cannot be mistaken for a later one.
type Process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks after boot: field 22 of proc_pid_stat(5)
}

// A Turn is the time in which a job runs in the backend's place.
type Turn struct {
	Process      // who asked for it; it is over when that has ended
	Wanted  bool `json:"wanted"` // the backend is wanted again afterwards
}

// A Socket is one generation's listening socket.
type Socket struct {
	Generation int    `json:"generation"`
	Inode      uint64 `json:"inode"` // of the socket itself, as in the socket:[N] of /proc/PID/fd
}

// Write replaces the file at path, whole or not at all. The boot id and the
// version are filled in.
func Write(path string, s State) error {
	s.Version = Version
	s.Boot = bootID()
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("cannot write the state: %w", err)
	}
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	os.Remove(temp) // of a keepone that was killed here
	if err := create(temp, append(text, '\n')); err != nil {
		os.Remove(temp) // a full disk leaves half a file
		return fmt.Errorf("cannot write the state: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("cannot write the state: %w", err)
	}
	return nil
}

// create makes the file, and follows no link that somebody put there.
func create(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// Read returns what a former keepone left. The error wraps fs.ErrNotExist when
// there is nothing, and says so when the file is damaged, of a newer version,
// or from before the latest boot: then nothing in it can be believed.
func Read(path string) (State, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return State{}, fmt.Errorf("cannot read the state: %w", err)
	}
	var s State
	if err := json.Unmarshal(text, &s); err != nil {
		return State{}, fmt.Errorf("cannot read the state in %s: %w", path, err)
	}
	if s.Version < 1 || s.Version > Version {
		return State{}, fmt.Errorf("cannot read the state in %s: version %d is not known here", path, s.Version)
	}
	if boot := bootID(); s.Boot != boot {
		return State{}, fmt.Errorf("cannot use the state in %s: it is from another boot", path)
	}
	return s, nil
}
