package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func tool(t *testing.T, name, pack string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("there is no %s; Debian has it in %s", name, pack)
	}
	return path
}

func execute(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	return string(out)
}

func build(t *testing.T, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := run(append([]string{"-o", dir}, args...)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPackages looks into one package of each kind.
func TestPackages(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	dir := build(t, "-arch", "amd64")
	execute(t, "sh", "-c", "cd "+dir+" && test $(sha256sum --check --strict SHA256SUMS | grep -c OK$) = 5")
	t.Run("lintian", func(t *testing.T) { testLintian(t, filepath.Join(dir, "keepone_0.1.0_amd64.deb")) })
	t.Run("apk", func(t *testing.T) { testAPK(t, filepath.Join(dir, "keepone-0.1.0-x86_64.apk")) })
	t.Run("tarball", func(t *testing.T) { testTarball(t, filepath.Join(dir, "keepone-0.1.0-linux-amd64.tar.gz")) })
	t.Run("bill", func(t *testing.T) { testBill(t, filepath.Join(dir, "keepone-0.1.0-linux-amd64.cdx.json")) })
	t.Run("same bytes", func(t *testing.T) { testSameBytes(t, dir) })
}

// testSameBytes builds again, from another directory and without anything that
// the first build has left.
func testSameBytes(t *testing.T, first string) {
	if testing.Short() {
		t.Skip("compiles the standard library again")
	}
	copied, second := t.TempDir(), t.TempDir()
	execute(t, "sh", "-c", "tar -C .. --exclude=./.git --exclude=./dist -cf - . | tar -C "+copied+" -xf -")
	c := exec.Command("go", "run", "./packaging", "-arch", "amd64", "-o", second)
	c.Dir = copied
	c.Env = append(os.Environ(), "TZ=Pacific/Kiritimati", "LC_ALL=C", "GOFLAGS=-tags=none", "TMPDIR="+t.TempDir(), "GOCACHE="+t.TempDir())
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, f := range tree(first, "") {
		a, err := os.ReadFile(f.source)
		b, err2 := os.ReadFile(filepath.Join(second, f.path))
		if err := errors.Join(err, err2); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s is not the same in two builds: %v", f.path, err)
		}
	}
}

func testLintian(t *testing.T, path string) {
	if out := execute(t, tool(t, "lintian", "lintian"), "--allow-root", "--fail-on", "error,warning", path); out != "" {
		t.Errorf("lintian says\n%s", out)
	}
}

// TestElsewhere runs the programs of the other architectures.
func TestElsewhere(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the standard library three times")
	}
	dir := build(t, "-formats", "tar.gz", "-arch", "arm64,armhf,riscv64")
	for name, machine := range map[string]elf.Machine{"arm64": elf.EM_AARCH64, "armhf": elf.EM_ARM, "riscv64": elf.EM_RISCV} {
		t.Run(name, func(t *testing.T) {
			to := t.TempDir()
			execute(t, "tar", "-C", to, "--strip-components=1", "-xzf", filepath.Join(dir, "keepone-0.1.0-linux-"+name+".tar.gz"))
			for _, p := range []string{"/bin/keepone", "/lib/keepone/keepone-setup"} {
				f, err := elf.Open(to + p)
				if err != nil {
					t.Fatal(err)
				}
				if libs, _ := f.ImportedLibraries(); f.Machine != machine || f.Type != elf.ET_EXEC || len(libs) > 0 {
					t.Errorf("%s is %v for %v with %q", p, f.Type, f.Machine, libs)
				}
				f.Close()
			}
			emulator := map[string][]string{"arm64": {"qemu-aarch64"}, "armhf": {"qemu-arm", "-cpu", "arm1176"}, "riscv64": {"qemu-riscv64"}}[name]
			tool(t, emulator[0], "qemu-user")
			if out := execute(t, append(emulator, to+"/bin/keepone", "version")...); out != "keepone 0.1.0\n" {
				t.Errorf("it says %q", out)
			}
		})
	}
}
