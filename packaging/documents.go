package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// share makes what is the same in all packages.
func (j *job) share() error {
	j.shared = shared{
		manual: filepath.Join(j.work, "manual"), docs: filepath.Join(j.work, "docs"),
		scripts: filepath.Join(j.work, "scripts"), sources: filepath.Join(j.work, "sources"),
	}
	for _, make := range []func() error{j.copySources, j.makeManual, j.makeDocuments, j.makeScripts} {
		if err := make(); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) copySources() error {
	for _, name := range sources {
		if err := j.copy(filepath.Join(j.root, name), filepath.Join(j.shared.sources, name)); err != nil {
			return err
		}
	}
	return nil
}

// write puts a file below the work directory, with the time of everything.
func (j *job) write(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(path, text, 0o644), j.date(path))
}

func (j *job) copy(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return j.write(to, text)
}

// compressed writes PATH.gz, as gzip -9n would: without a name and a time.
func (j *job) compressed(path string, text []byte) error {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	return j.write(path+".gz", out.Bytes())
}

// makeManual takes the man pages and completions from where they are, or has
// them made.
func (j *job) makeManual() error {
	from := j.manual
	if from == "" {
		from = filepath.Join(j.work, "pages")
		if err := j.runManual(from); err != nil {
			return err
		}
	}
	for _, f := range tree(from, "") {
		text, err := os.ReadFile(f.source)
		if err != nil {
			return err
		}
		to := filepath.Join(j.shared.manual, f.path)
		if ext := filepath.Ext(f.path); len(ext) == 2 && ext >= ".1" && ext <= ".9" {
			err = j.compressed(to, text)
		} else {
			err = j.write(to, text)
		}
		if err != nil {
			return err
		}
	}
	return os.MkdirAll(j.shared.manual, 0o755)
}

// runManual makes the pages, and the completions by a program that runs here.
func (j *job) runManual(to string) error {
	program := filepath.Join(j.work, "here")
	env := []string{fmt.Sprintf("SOURCE_DATE_EPOCH=%d", j.time.Unix()), "GOFLAGS=", "CGO_ENABLED=0"}
	if _, err := output(j.root, env, "go", "build", "-buildvcs=false", "-o", program, "./cmd/keepone"); err != nil {
		return err
	}
	if _, err := output(j.root, env, "go", "run", "./manual", "-o", to, "-keepone", program); err != nil {
		return fmt.Errorf("cannot make the man pages: %w", err)
	}
	return nil
}

// makeDocuments fills /usr/share/doc/keepone. Examples are there and nowhere
// else: a package puts no configuration in force.
func (j *job) makeDocuments() error {
	for _, name := range []string{"README.md", "OPERATING.md", "CONFIGURATION.md", "BACKENDS.md"} {
		if err := j.copy(filepath.Join(j.root, name), filepath.Join(j.shared.docs, name)); err != nil {
			return err
		}
	}
	news, err := os.ReadFile(filepath.Join(j.root, "NEWS.md"))
	if err != nil {
		return err
	}
	log, err := changelog(string(news), j.version, j.maintainer, j.time)
	if err != nil {
		return err
	}
	if err := j.compressed(filepath.Join(j.shared.docs, "changelog"), []byte(log)); err != nil {
		return err
	}
	licences, err := j.licences()
	if err != nil {
		return err
	}
	if err := j.write(filepath.Join(j.shared.docs, "copyright"), licences); err != nil {
		return err
	}
	return j.copyExamples()
}

func (j *job) copyExamples() error {
	for _, pattern := range []string{"packaging/examples/*", "examples/*", "initscripts/keepone.openrc", "initscripts/keepone.run", "initscripts/keepone.finish", "initscripts/keepone.inittab"} {
		files, err := filepath.Glob(filepath.Join(j.root, pattern))
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := j.copy(f, filepath.Join(j.shared.docs, "examples", filepath.Base(f))); err != nil {
				return err
			}
		}
	}
	return nil
}

// changelog turns NEWS.md into Debian's form (deb-changelog(5)). The newest
// entry bears the version that is built.
func changelog(news, version, maintainer string, now time.Time) (string, error) {
	entries := strings.Split("\n"+news, "\n## ")[1:]
	if len(entries) == 0 {
		return "", errors.New("cannot make a changelog: NEWS.md has no version")
	}
	var out strings.Builder
	for i, entry := range entries {
		head, body, _ := strings.Cut(entry, "\n")
		number, when, _ := strings.Cut(head, " ")
		if i == 0 {
			number = version
		}
		date := now
		if day, err := time.Parse("(2006-01-02)", when); err == nil {
			date = day
		}
		fmt.Fprintf(&out, "keepone (%s) unstable; urgency=medium\n\n", number)
		for paragraph := range strings.SplitSeq(body, "\n\n") {
			for item := range strings.SplitSeq("\n"+strings.TrimSpace(paragraph), "\n- ") {
				if text := strings.Fields(item); len(text) > 0 {
					out.WriteString(wrapped(text))
				}
			}
		}
		fmt.Fprintf(&out, "\n -- %s  %s\n\n", maintainer, date.Format(time.RFC1123Z))
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// wrapped is one item of a changelog.
func wrapped(words []string) string {
	var out strings.Builder
	line := "  *"
	for _, w := range words {
		if len(line)+1+len(w) > 78 {
			fmt.Fprintln(&out, line)
			line = "   "
		}
		line += " " + w
	}
	fmt.Fprintln(&out, line)
	return out.String()
}
