// Packaging builds what people install: .deb, .rpm, .apk and a tarball for each
// architecture, their checksums and a bill of materials. The same commit gives
// the same bytes on every machine with the same Go.
//
//	go run ./packaging -o dist
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "packaging:", err)
		os.Exit(1)
	}
}

// A job is what is asked for on the command line, and what all packages share.
type job struct {
	out, version, manual, maintainer string
	arches                           []arch
	formats                          []string
	root                             string    // of the module
	work                             string    // a directory that goes with us
	time                             time.Time // of everything in the packages
	nfpm                             string    // the program
	shared                           shared    // files that are the same for every architecture
}

var formats = []string{"deb", "rpm", "apk", "tar.gz"}

func parse(args []string) (*job, error) {
	j := &job{}
	f := flag.NewFlagSet("packaging", flag.ContinueOnError)
	f.StringVar(&j.out, "o", "dist", "the `directory` for the packages")
	f.StringVar(&j.version, "version", "", "the packages' and programs' `version` (default: that of NEWS.md)")
	f.StringVar(&j.manual, "manual", "", "a `directory` with man pages and completions (default: what go run ./manual makes)")
	f.StringVar(&j.maintainer, "maintainer", maintainer(), "`name <address>`; the default is DEBFULLNAME <DEBEMAIL>, where they are set")
	of := f.String("formats", strings.Join(formats, ","), "`which` of them")
	on := f.String("arch", archNames(), "for `which` architectures, by their Debian names")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("cannot understand %q: there are only flags", f.Args())
	}
	j.formats = strings.Split(*of, ",")
	for _, name := range j.formats {
		if !slices.Contains(formats, name) {
			return nil, fmt.Errorf("cannot build a %q: there are %s", name, strings.Join(formats, ", "))
		}
	}
	for name := range strings.SplitSeq(*on, ",") {
		a, err := archNamed(name)
		if err != nil {
			return nil, err
		}
		j.arches = append(j.arches, a)
	}
	return j, nil
}

func run(args []string) (err error) {
	j, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if j.work, err = os.MkdirTemp("", "keepone-packages-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(j.work)) }()
	if err := j.prepare(); err != nil {
		return err
	}
	var made []string
	for _, a := range j.arches {
		files, err := j.packages(a)
		if err != nil {
			return err
		}
		made = append(made, files...)
	}
	return sums(j.out, made)
}

// prepare finds out what does not depend on the architecture.
func (j *job) prepare() (err error) {
	mod, err := output(".", nil, "go", "env", "GOMOD")
	if err != nil {
		return err
	}
	j.root = filepath.Dir(mod)
	if j.time, err = epoch(j.root); err != nil {
		return err
	}
	if j.version == "" {
		if j.version, err = newest(j.root); err != nil {
			return err
		}
	}
	if j.out, err = filepath.Abs(j.out); err != nil {
		return err
	}
	if err := os.MkdirAll(j.out, 0o755); err != nil {
		return err
	}
	if slices.ContainsFunc(j.formats, func(f string) bool { return f != "tar.gz" }) {
		if j.nfpm, err = j.fetchNFPM(); err != nil {
			return err
		}
	}
	return j.share()
}

// epoch is SOURCE_DATE_EPOCH (reproducible-builds.org), or else when the commit
// was made.
func epoch(root string) (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		var err error
		if text, err = output(root, nil, "git", "log", "-1", "--format=%ct"); err != nil {
			return time.Time{}, fmt.Errorf("cannot say which time the packages bear; set SOURCE_DATE_EPOCH: %w", err)
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("cannot use SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// newest is the version of NEWS.md's first heading, which is command.Version.
func newest(root string) (string, error) {
	news, err := os.ReadFile(filepath.Join(root, "NEWS.md"))
	if err != nil {
		return "", err
	}
	_, entry, found := strings.Cut(string(news), "\n## ")
	if words := strings.Fields(entry); found && len(words) > 0 {
		return words[0], nil
	}
	return "", errors.New("cannot say which version this is: NEWS.md has no heading with one")
}

// maintainer is who Debian's own tools would take. There is no address that
// would be right for whoever builds packages; one of the domain invalid
// (RFC 2606) is at least nobody else's.
func maintainer() string {
	name, address := os.Getenv("DEBFULLNAME"), os.Getenv("DEBEMAIL")
	if name == "" || address == "" {
		return "The keepone developers <maintainers@keepone.invalid>"
	}
	return name + " <" + address + ">"
}
