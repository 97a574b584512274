package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Store writes a configuration whole or not at all, with the mode, whatever the
// umask. What is there already is an error that is fs.ErrExist; with replace it
// stays as the returned file, FILE.bak or FILE.bak.2 and so on. The directory is
// made where it is missing.
func Store(file string, text []byte, mode fs.FileMode, replace bool) (backup string, err error) {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("cannot write %s: %w", file, err)
	}
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(file)+".*") // not *.toml: it is nobody's configuration
	if err != nil {
		return "", fmt.Errorf("cannot write %s: %w", file, err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err != nil {
		return "", fmt.Errorf("cannot write %s: %w", file, err)
	}
	if replace {
		if backup, err = keep(file); err != nil {
			return "", err
		}
		err = os.Rename(tmp.Name(), file)
	} else {
		err = os.Link(tmp.Name(), file) // fails where somebody was faster
	}
	if err != nil {
		return backup, fmt.Errorf("cannot write %s: %w", file, cause(err))
	}
	return backup, nil
}

// keep gives a file a second name; "" where there is no file.
func keep(file string) (string, error) {
	if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	backup := file + ".bak"
	for n := 2; n < 1000; n++ {
		err := os.Link(file, backup)
		if err == nil {
			return backup, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("cannot keep the old %s: %w", file, cause(err))
		}
		backup = fmt.Sprintf("%s.bak.%d", file, n)
	}
	return "", fmt.Errorf("cannot keep the old %s: there are too many backups beside it", file)
}

// cause takes the paths off an error whose message has them already.
func cause(err error) error {
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}
