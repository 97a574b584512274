package install

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inside says that this process has a mount namespace of its own, in which /etc
// and /run may be anything: the library's paths are fixed.
const inside = "KEEPONE_INSTALL_INSIDE"

func TestMain(m *testing.M) {
	if os.Getuid() != 0 || os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Env = append(os.Environ(), inside+"=1")
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} // and its mounts are private
	if err := c.Start(); err != nil {
		os.Exit(m.Run()) // no namespaces to be had: those tests say so
	}
	if c.Wait() != nil {
		os.Exit(1)
	}
}

// A host is a machine whose /etc and /run are empty but for what a test puts there,
// and whose programs are what it says.
type host struct {
	*testing.T
	bin, log string
	out      bytes.Buffer
}

func newHost(t *testing.T) *host {
	t.Helper()
	if os.Getenv(inside) == "" {
		t.Skip("only root can have an /etc of its own, in a mount namespace")
	}
	dir := t.TempDir()
	h := &host{T: t, bin: filepath.Join(dir, "bin"), log: filepath.Join(dir, "log")}
	for _, path := range []string{"/etc", "/run"} {
		if err := unix.Mount("tmpfs", path, "tmpfs", 0, "mode=755"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Unmount(path, unix.MNT_DETACH) })
	}
	h.file("/etc/keepone/php.toml", "")
	h.file(h.log, "")
	t.Setenv("PATH", h.bin+":/usr/bin:/bin")
	return h
}

// file makes a file and the directories it is in.
func (h *host) file(path, text string) {
	h.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.Fatal(err)
	}
}

// program puts a shell script in PATH, before any other, which notes how it was called.
func (h *host) program(name, body string) {
	h.Helper()
	h.file(filepath.Join(h.bin, name), "#!/bin/sh\necho \"${0##*/} $*\" >>"+h.log+"\n"+body+"\n")
	if err := os.Chmod(filepath.Join(h.bin, name), 0o755); err != nil {
		h.Fatal(err)
	}
}

// called is how the programs were called since it was asked last.
func (h *host) called() string {
	h.Helper()
	text, err := os.ReadFile(h.log)
	if err != nil {
		h.Fatal(err)
	}
	h.file(h.log, "")
	return string(text)
}

// said is what was said since it was asked last.
func (h *host) said() string {
	defer h.out.Reset()
	return h.out.String()
}

func (h *host) read(path string) string {
	text, _ := os.ReadFile(path) // "" where there is none
	return string(text)
}

// tree is everything in /etc and /run: names, modes, times and texts.
func (h *host) tree() string {
	h.Helper()
	var b strings.Builder
	for _, root := range []string{"/etc", "/run"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			b.WriteString(path + " " + info.Mode().String() + " " + info.ModTime().String() + " " + h.read(path) + "\n")
			return nil
		})
		if err != nil {
			h.Fatal(err)
		}
	}
	return b.String()
}

// task is the site php, for an init system.
func (h *host) task(init string) *Task {
	return &Task{
		Scripts: Scripts{
			Unit: "[Service]\nExecStart=/usr/bin/keepone run %i\n", UserUnit: "[Service]\nExecStart=/usr/bin/keepone run %i\n",
			LSB: "#!/bin/sh\n/usr/bin/keepone \"$@\"\n", Default: "# names\nNAMES=\"\"\n", OpenRC: "#!/sbin/openrc-run\n", Run: "#!/bin/sh\n", Finish: "#!/bin/sh\n",
		},
		Name: "php", Program: "/opt/keepone", Config: "/etc/keepone/php.toml", RunDir: "/run/keepone/php", Socket: "/run/keepone/php/php.sock",
		Init: init, Out: &h.out,
	}
}
