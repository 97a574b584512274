// Package turn is for commands that are run beside the backend, one at a time:
// whether there is room for one, by what it needed the last time, and whose
// turn it is.
package turn

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// What the file keeps at most: commands, and bytes that are read of it.
const (
	commands  = 64
	fileLimit = 16 << 10
)

// A Lesson is what was learnt of a command when it ran the last time.
type Lesson struct {
	Peak   uint64        `json:"peak"`   // bytes that it and its children had at once
	At     time.Time     `json:"at"`     // when it ended
	Took   time.Duration `json:"took"`   // nanoseconds
	Status int           `json:"status"` // its exit status
}

// An entry stands for a command by a hash: an argument may be a password.
type entry struct {
	Command uint64 `json:"command,string"`
	Lesson
}

// Recall returns what was learnt of the command. A file that is missing, cut
// off or no such file at all has nothing learnt.
func Recall(path string, argv []string) (Lesson, bool) {
	name := hash(argv)
	for _, e := range read(path) {
		if e.Command == name {
			return e.Lesson, true
		}
	}
	return Lesson{}, false
}

// Learn keeps what was learnt of the command, and of the 63 that ended latest
// before it. The file is replaced as a whole. It is its owner's to read: from a
// hash and an idea of the command a short password can be found. Whoever learns
// has the turn, so there is never another.
func Learn(path string, argv []string, l Lesson) error {
	entries := []entry{{hash(argv), l}}
	for _, e := range read(path) {
		if e.Command != entries[0].Command && len(entries) < commands {
			entries = append(entries, e)
		}
	}
	text, err := json.Marshal(entries)
	if err != nil {
		return fmt.Errorf("cannot keep what was learnt of a job: %w", err)
	}
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	os.Remove(temp) // of somebody who was killed here
	if err := create(temp, append(text, '\n')); err != nil {
		os.Remove(temp) // a full disk leaves half a file
		return fmt.Errorf("cannot keep what was learnt of a job: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp)
		return fmt.Errorf("cannot keep what was learnt of a job: %w", err)
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

// read returns the entries, latest first, or none. Nothing runs without memory.
func read(path string) []entry {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0) // a FIFO must not be waited for
	if err != nil {
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, fileLimit))
	var entries []entry
	if err != nil || json.Unmarshal(text, &entries) != nil {
		return nil
	}
	return slices.DeleteFunc(entries, func(e entry) bool { return e.Peak == 0 })
}

// hash tells apart whether "a b" is one argument or two.
func hash(argv []string) uint64 {
	h := fnv.New64a()
	for _, arg := range argv {
		io.WriteString(h, arg)
		h.Write([]byte{0})
	}
	return h.Sum64()
}
