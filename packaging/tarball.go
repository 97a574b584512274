package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// tarball writes what a prefix holds. For any other than /usr/local change the
// directory:
//
//	tar -C /usr/local --strip-components=1 -xzf keepone-...tar.gz
func (j *job) tarball(programs, target string) (err error) {
	out, err := os.Create(target)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	compressed, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(compressed)
	files := j.layout("tar.gz", programs)
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.path, b.path) })
	top, seen := "keepone-"+j.version, map[string]bool{}
	for _, f := range files {
		name := path.Join(top, strings.TrimPrefix(f.path, "/usr/"))
		if err := j.directories(w, path.Dir(name), seen); err != nil {
			return err
		}
		if err := j.entry(w, name, f); err != nil {
			return err
		}
	}
	return errors.Join(w.Close(), compressed.Close())
}

// directories writes those above a file that are not there yet.
func (j *job) directories(w *tar.Writer, dir string, seen map[string]bool) error {
	if dir == "." || seen[dir] {
		return nil
	}
	if err := j.directories(w, path.Dir(dir), seen); err != nil {
		return err
	}
	seen[dir] = true
	return w.WriteHeader(&tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: j.time, Uname: "root", Gname: "root"})
}

func (j *job) entry(w *tar.Writer, name string, f file) error {
	text, err := os.ReadFile(f.source)
	if err != nil {
		return err
	}
	h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: int64(f.mode), Size: int64(len(text)), ModTime: j.time, Uname: "root", Gname: "root"}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// sums writes SHA256SUMS, for sha256sum --check.
func sums(dir string, names []string) error {
	slices.Sort(names)
	var text strings.Builder
	for _, name := range names {
		sum, err := digest(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%s  %s\n", sum, name)
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(text.String()), 0o644)
}

// digest is a file's SHA-256 in hexadecimal.
func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
