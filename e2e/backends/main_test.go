// Package backends runs keepone with every backend of BACKENDS.md: real interpreters behind a real lighttpd and a real
// nginx. The page is the test's input as well as its result: the configurations and the web servers' lines that are run are
// those that it shows, and its tables are what came of them.
//
// It runs where KEEPONE_BACKENDS is set, as `make backends` does, and as root or as anybody.
package backends

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// wantEnv says that the backends are to be run, and that one which is not installed is a failure.
const wantEnv = "KEEPONE_BACKENDS"

var update = flag.Bool("update", false, "write the tables of BACKENDS.md")

// The programs that are built here.
var keepone, goapp string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv(wantEnv) == "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "kb")
	if err == nil {
		defer os.RemoveAll(dir)
		keepone, goapp = filepath.Join(dir, "keepone"), filepath.Join(dir, "goapp")
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		err = build(keepone, "keepone/cmd/keepone")
	}
	if err == nil {
		err = build(goapp, "./testdata/golang")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build makes a program the way keepone is released.
func build(to, from string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildmode=exe", "-ldflags", "-s -w -X runtime.godebugDefault=disablethp=1", "-o", to, from)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build %s: %w\n%s", from, err, out)
	}
	return nil
}
