// Package e2e tries keepone as it is used: the real binary, real web servers, real interpreters, open-loop load.
//
// Every test builds a site of its own (site_test.go) and its cleanup demands that nothing of it is left. The whole takes
// about three minutes on two cores; -short leaves out what takes longer than some seconds.
package e2e

import (
	"embed"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

//go:embed testdata
var testdata embed.FS

// binaryEnv names an existing keepone to test instead of building one.
const binaryEnv = "KEEPONE_E2E_BINARY"

// keepone is the path of the binary under test.
var keepone string

func TestMain(m *testing.M) {
	if os.Getenv(withoutGetfd) != "" {
		forbidGetfd()
	}
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given { // the tests wait much more than they compute
		if err := flag.Set("test.parallel", "10"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	keepone = os.Getenv(binaryEnv)
	if keepone != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "keepone-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	keepone = filepath.Join(dir, "keepone")
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build makes keepone in dir the way it is released, readable by every user.
func build(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X runtime.godebugDefault=disablethp=1",
		"-o", keepone, "keepone/cmd/keepone")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build keepone: %w\n%s", err, out)
	}
	return nil
}

// need skips the test where a program is not installed, and returns its path. Other users cannot reach what lies below
// somebody's home, so the system's directories come first.
func need(t *testing.T, program string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed", program)
	}
	return path
}
