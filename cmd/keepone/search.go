package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"time"

	"keepone/command"
	"keepone/record"
	"keepone/rival"
)

// searchTime bounds a search beside a backend: somebody waits for its end.
const searchTime = 20 * time.Second

// A search is what a short-lived process of ours is told to look for: the
// resident is to stay small, and never walks through /proc itself.
type search struct {
	Wanted rival.Wanted
	Found  string // the file that is to say who was found
	Warn   bool   // that is all
	InUse  string // why our socket is not at its path; empty where it is
}

// A found is the file that a search leaves, for the resident and for status;
// there is none where nobody was found.
type found struct {
	At     time.Time     `json:"at"`
	Rivals []rival.Rival `json:"rivals"`
}

// look finds rivals and leaves word of them.
func (s search) look() ([]rival.Rival, error) {
	rivals, incomplete := rival.Find(s.Wanted)
	if len(rivals) == 0 && incomplete != nil {
		return nil, incomplete
	}
	if len(rivals) == 0 {
		if err := os.Remove(s.Found); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return nil, nil
	}
	return rivals, errors.Join(incomplete, s.leave(rivals))
}

// leave replaces the file as a whole: it may be read at any moment. One that says
// the same stays, for a file that is another is news.
func (s search) leave(rivals []rival.Rival) error {
	if was, err := os.ReadFile(s.Found); err == nil {
		var f found
		if json.Unmarshal(was, &f) == nil && slices.Equal(identities(f.Rivals), identities(rivals)) {
			return nil
		}
	}
	text, err := json.Marshal(found{time.Now(), rivals})
	if err != nil {
		return err
	}
	temporary := fmt.Sprintf("%s.%d", s.Found, os.Getpid())
	if err := os.WriteFile(temporary, text, 0o644); err != nil {
		os.Remove(temporary)
		return fmt.Errorf("cannot leave word of rivals: %w", err)
	}
	return os.Rename(temporary, s.Found)
}

// identities are who is meant, and what matters about them.
func identities(rivals []rival.Rival) (all []string) {
	for _, r := range rivals {
		all = append(all, fmt.Sprint(r.PID, r.Start, r.AtPath, r.Listens))
	}
	return all
}

// readFound is who was found by the latest search and lives; nobody where that
// cannot be read.
func readFound(t target) (f found) {
	text, err := os.ReadFile(t.rivals())
	if err != nil || json.Unmarshal(text, &f) != nil {
		return found{}
	}
	f.Rivals = slices.DeleteFunc(f.Rivals, func(r rival.Rival) bool {
		is, err := record.Identify(r.PID)
		return err != nil || is != identityOf(r)
	})
	return f
}

// searchForShim is the last thing that a shim does before it becomes the
// backend. A search that fails blocks nobody: it is told in the backend's output.
func searchForShim(text json.RawMessage) error {
	var s search
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	rivals, err := s.look()
	if err != nil {
		fmt.Fprintf(os.Stderr, "keepone: cannot look for rivals: %v\n", err)
	}
	switch {
	case len(rivals) > 0 && !s.Warn:
		return errors.New(describeRivals(rivals))
	case s.InUse != "":
		return errors.New(s.InUse)
	}
	return nil
}

// searchMain is the life of keepone rivals, which the resident starts.
func searchMain() int {
	var s search
	time.AfterFunc(searchTime, func() { os.Exit(command.Report(errors.New("cannot look for rivals: it takes too long"))) })
	err := json.NewDecoder(io.NewSectionReader(os.Stdin, 0, math.MaxInt64)).Decode(&s) // it was read before
	var rivals []rival.Rival
	if err == nil {
		rivals, err = s.look()
	}
	code := command.Report(err)
	if len(rivals) > 0 { // who was found is told all the same
		code = command.Done
	}
	return code
}

func describeRivals(rivals []rival.Rival) string {
	text := rivals[0].String()
	if n := len(rivals) - 1; n > 0 {
		text += fmt.Sprintf("; and %d more", n)
	}
	return text
}
