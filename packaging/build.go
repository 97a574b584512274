package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// An arch is an architecture, by the names that everybody has for it.
type arch struct {
	deb, rpm string
	apk      []string
	env      []string // for the Go tools
}

// The 32-bit ARM programs are for ARMv6 with VFP: Debian's armhf is ARMv7, but
// Raspberry Pi OS calls its packages for the Pi 1 and Zero, which are ARMv6,
// armhf, too, and a program for ARMv7 dies there with SIGILL. What ARMv7 would
// gain is nothing that keepone does much of. Alpine tells the two apart and
// refuses the one on the other, so there the same programs have both names.
var arches = []arch{
	{"amd64", "x86_64", []string{"x86_64"}, []string{"GOARCH=amd64", "GOAMD64=v1"}},
	{"arm64", "aarch64", []string{"aarch64"}, []string{"GOARCH=arm64", "GOARM64=v8.0"}},
	{"armhf", "armv6hl", []string{"armhf", "armv7"}, []string{"GOARCH=arm", "GOARM=6"}},
	{"riscv64", "riscv64", []string{"riscv64"}, []string{"GOARCH=riscv64", "GORISCV64=rva20u64"}},
}

func archNames() string {
	var names []string
	for _, a := range arches {
		names = append(names, a.deb)
	}
	return strings.Join(names, ",")
}

func archNamed(name string) (arch, error) {
	for _, a := range arches {
		if a.deb == name {
			return a, nil
		}
	}
	return arch{}, fmt.Errorf("cannot build for %q: there are %s", name, archNames())
}

// pure is the environment of a build that depends on nothing but the source:
// what GOFLAGS or a go.work of the builder's would change is kept away.
var pure = []string{"GOOS=linux", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=", "GODEBUG="}

// linked is how the Makefile links, and no build id: that of the linker is the
// one thing in the file that need not be.
const linked = "-s -w -buildid= -X runtime.godebugDefault=disablethp=1"

// compile builds both programs and returns the directory in which they are.
// What git knows is left out (buildvcs), for a source tarball knows less.
func (j *job) compile(a arch) (string, error) {
	dir := filepath.Join(j.work, a.deb)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	flags := linked + " -X keepone/command.Version=" + j.version
	for _, p := range []string{"keepone", "keepone-setup"} {
		path := filepath.Join(dir, p)
		_, err := output(j.root, append(slices.Clone(pure), a.env...), "go", "build", "-trimpath", "-buildvcs=false",
			"-buildmode=exe", "-ldflags", flags, "-o", path, "./cmd/"+p)
		if err != nil {
			return "", fmt.Errorf("cannot build %s for %s: %w", p, a.deb, err)
		}
		if err := j.date(path); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// date gives a file the time of everything.
func (j *job) date(path string) error { return os.Chtimes(path, time.Time{}, j.time) }

// output runs a program and returns what it prints, without the last newline.
func output(dir string, env []string, argv ...string) (string, error) {
	c := exec.Command(argv[0], argv[1:]...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	var complaint strings.Builder
	c.Stderr = &complaint
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, complaint.String())
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
