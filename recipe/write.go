package recipe

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrChanged says that a file is not, or not any more, what was written.
var ErrChanged = errors.New("somebody changed it since it was written, or wrote it")

// ErrRefused says that the server's own test failed because of the file.
var ErrRefused = errors.New("the web server's own test refuses it")

// sealMark begins the line by which a file is known that nobody changed.
const sealMark = "# keepone wrote this, and writes it anew as long as nobody changes it: "

// Seal puts such a line at the head.
func Seal(text string) string {
	return fmt.Sprintf("%s%.16x\n%s", sealMark, sha256.Sum256([]byte(text)), text)
}

// sealed tells whether a text is as Seal left it.
func sealed(text string) bool {
	line, rest, found := strings.Cut(text, "\n")
	return found && strings.HasPrefix(line, sealMark) && Seal(rest) == text
}

// A Test is the server's own: with tells whether the file is to be tested, too,
// where the server does not read it yet. Its error has what the server said.
type Test func(with bool) error

// Write puts a sealed text into the file, whole or not at all, and has the
// server test it. What the test refuses because of the file is taken back; when
// it fails without the file, too, the file stays and doubt says why. It fails
// with ErrChanged for a file that somebody changed, unless force is true;
// changed tells whether anything is different now.
func Write(file, text string, force bool, test Test) (changed bool, doubt, err error) {
	former, err := os.ReadFile(file)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return false, nil, fmt.Errorf("cannot write %s: %w", file, cause(err))
	}
	switch {
	case !missing && string(former) == text:
		return false, test(true), nil
	case !missing && !sealed(string(former)) && !force:
		return false, nil, fmt.Errorf("cannot write %s: %w", file, ErrChanged)
	}
	if err := replace(file, []byte(text)); err != nil {
		return false, nil, fmt.Errorf("cannot write %s: %w", file, cause(err))
	}
	failed := test(true)
	if failed == nil {
		return true, nil, nil
	}
	if missing {
		err = os.Remove(file)
	} else {
		err = replace(file, former)
	}
	if err != nil {
		return true, nil, fmt.Errorf("cannot take %s back: %w: %w", file, cause(err), failed)
	}
	if test(false) == nil {
		return false, nil, fmt.Errorf("cannot leave %s there: %w:\n%w", file, ErrRefused, failed)
	}
	if err := replace(file, []byte(text)); err != nil { // it is broken without us
		return false, nil, fmt.Errorf("cannot write %s: %w", file, cause(err))
	}
	return true, failed, nil
}

// replace writes a file for all to read, by rename(2).
func replace(file string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".keepone-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // there is none after the rename
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

// cause takes the path off an error whose message has it already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
