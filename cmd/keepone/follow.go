package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"
)

// followInterval is how often a file that is followed is looked at.
const followInterval = 250 * time.Millisecond

// showLog copies the last lines of the log at path to w, those in its numbered
// predecessors included, and with follow what comes until a signal ends us.
func showLog(w io.Writer, path string, lines int, follow bool) error {
	current, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { current.Close() }()
	if info, err := current.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(err, fmt.Errorf("%s is not a regular file", path))
	}
	if err := showTail(w, current, path, lines); err != nil || !follow {
		return err
	}
	for {
		time.Sleep(followInterval)
		if current, err = advance(w, current, path); err != nil {
			return err
		}
	}
}

// showTail leaves current at its end. The older files are opened from the newest
// on: what a rotation meanwhile has moved is met twice, and known by then.
func showTail(w io.Writer, current *os.File, path string, lines int) error {
	files := []*os.File{current}
	missing, err := seekLines(current, lines)
	for n := 1; err == nil && missing > 0; n++ {
		older, open := os.Open(numbered(path, n))
		if errors.Is(open, fs.ErrNotExist) {
			break
		}
		if open != nil {
			return open
		}
		defer older.Close()
		if same(older, files[len(files)-1]) {
			continue
		}
		files = append(files, older)
		missing, err = seekLines(older, missing)
	}
	for _, f := range slices.Backward(files) {
		if err == nil {
			_, err = io.Copy(w, f)
		}
	}
	return err
}

func numbered(path string, n int) string { return path + "." + strconv.Itoa(n) }

func same(a, b *os.File) bool {
	x, err := a.Stat()
	y, bad := b.Stat()
	return err == nil && bad == nil && os.SameFile(x, y)
}

// seekLines puts f where its last n lines begin, and returns how many of them it
// does not have. Only the newest file ends within a line.
func seekLines(f *os.File, n int) (missing int, err error) {
	at, err := f.Seek(0, io.SeekEnd)
	if err != nil || n == 0 || at == 0 {
		return n, err
	}
	end := at - 1 // the newline there ends the last line and begins none
	buf := make([]byte, 64<<10)
	for at > 0 {
		size := min(at, int64(len(buf)))
		at -= size
		if _, err := f.ReadAt(buf[:size], at); err != nil {
			return 0, err
		}
		for block := buf[:min(size, end-at)]; ; {
			i := bytes.LastIndexByte(block, '\n')
			if i < 0 {
				break
			}
			if n--; n == 0 {
				_, err := f.Seek(at+int64(i)+1, io.SeekStart)
				return 0, err
			}
			block = block[:i]
		}
	}
	_, err = f.Seek(0, io.SeekStart)
	return n - 1, err // the first line has no newline before it
}

// advance copies what is new, and goes on to the file that path leads to now,
// through those that were full in between.
func advance(w io.Writer, current *os.File, path string) (*os.File, error) {
	newer := newerFiles(current, path) // first: once there is something in them, nothing more comes into this one
	if err := copyRest(w, current); err != nil {
		return current, err
	}
	for _, f := range newer {
		current.Close()
		current = f
		if err := copyRest(w, current); err != nil {
			return current, err
		}
	}
	return current, nil
}

// copyRest begins again where the file was truncated.
func copyRest(w io.Writer, f *os.File) error {
	at, err := f.Seek(0, io.SeekCurrent)
	info, bad := f.Stat()
	if err := errors.Join(err, bad); err != nil {
		return err
	}
	if info.Size() < at {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	_, err = io.Copy(w, f)
	return err
}

// newerFiles are those that followed current, oldest first; none while the path
// leads to it, nowhere, or to an empty file, of which keepone may not know yet.
// Where current was moved elsewhere or removed, those count that were written
// after it.
func newerFiles(current *os.File, path string) (newer []*os.File) {
	last, err := current.Stat()
	if err != nil {
		return nil
	}
	for n := 0; ; n++ {
		name := path
		if n > 0 {
			name = numbered(path, n)
		}
		f, err := os.Open(name)
		if err != nil {
			break
		}
		if same(f, current) || n == 0 && empty(f) || n > 0 && !writtenAfter(f, last) {
			f.Close()
			break
		}
		if n > 0 && same(f, newer[len(newer)-1]) { // moved just now
			f.Close()
			continue
		}
		newer = append(newer, f)
	}
	slices.Reverse(newer)
	return newer
}

func empty(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Size() == 0
}

func writtenAfter(f *os.File, last fs.FileInfo) bool {
	info, err := f.Stat()
	return err == nil && info.ModTime().After(last.ModTime())
}
