// Package vm tries keepone under a kernel and a systemd of its own, in a virtual
// machine with cgroup v2 and its memory controller (see the scripts image and vm
// beside this file). The namespaces of e2e/boot share the host's kernel, which
// may have memory in v1 or not at all.
package vm

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const packages = "systemd-sysv,dbus,lighttpd,curl,python3-minimal,procps,php-cgi"

// patience is when a guest that does not answer is given up. Nothing is proved
// by it.
const patience = 3 * time.Minute

// A machine is a booted guest. It runs one script at a time.
type machine struct {
	line  net.Conn
	words *bufio.Reader
}

// boot starts a machine with that Debian, with files in /mnt: name to content, or to the path of
// a file in place of content where the name begins with @. The script setup runs
// before the first of ours, while the system boots.
func boot(t *testing.T, suite string, share map[string]string) *machine {
	t.Helper()
	possible(t)
	image := output(t, "env", "SUITE="+suite, "./image", packages)
	dir := t.TempDir()
	console := filepath.Join(dir, "console")
	ours, theirs := pair(t)
	c := exec.Command("./vm", image, disk(t, dir, share), console)
	c.ExtraFiles = []*os.File{theirs}
	c.Stderr = os.Stderr
	life, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile(console)
			t.Logf("console:\n%s", text)
		}
		life.Close()
		c.Wait()
	})
	m := &machine{ours, bufio.NewReader(ours)}
	if said := m.hear(t); said != "ready" {
		t.Fatalf("the guest says %q", said)
	}
	return m
}

// possible skips the test where there can be no machine, and says why.
func possible(t *testing.T) {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("there is a virtual machine for amd64 only")
	}
	if os.Getuid() != 0 {
		t.Skip("only root can make the virtual machine's disk")
	}
	for program, name := range map[string]string{"qemu-system-x86_64": "qemu-system-x86", "mmdebstrap": "mmdebstrap"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no virtual machine: %v (Debian has it in %s)", err, name)
		}
	}
}

// pair returns two ends of a line: one for us, one for the guest.
func pair(t *testing.T) (net.Conn, *os.File) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	near, far := os.NewFile(uintptr(fds[0]), "near"), os.NewFile(uintptr(fds[1]), "far")
	defer near.Close()
	line, err := net.FileConn(near)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { line.Close() })
	return line, far
}

// disk makes a file system of the shared files.
func disk(t *testing.T, dir string, share map[string]string) string {
	t.Helper()
	from := filepath.Join(dir, "share")
	if err := os.Mkdir(from, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range share {
		content := []byte(text)
		if bare, ok := strings.CutPrefix(name, "@"); ok {
			var err error
			if content, err = os.ReadFile(text); err != nil {
				t.Fatal(err)
			}
			name = bare
		}
		if err := os.WriteFile(filepath.Join(from, name), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	output(t, "/sbin/mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", from, from+".disk", "64M")
	return from + ".disk"
}

// output runs a program and returns the last line that it prints.
func output(t *testing.T, argv ...string) string {
	t.Helper()
	c := exec.Command(argv[0], argv[1:]...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// hear returns the next line that the guest says.
func (m *machine) hear(t *testing.T) string {
	t.Helper()
	m.line.SetReadDeadline(time.Now().Add(patience))
	text, err := m.words.ReadString('\n')
	if err != nil {
		t.Fatalf("the guest does not answer: %v", err)
	}
	return strings.TrimSpace(text)
}

// try runs a shell script in the guest and returns what it prints. Its error is
// an exit status that is not 0.
func (m *machine) try(t *testing.T, script string) (string, error) {
	t.Helper()
	if _, err := fmt.Fprintln(m.line, base64.StdEncoding.EncodeToString([]byte(script))); err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(m.hear(t), " ")
	status, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	out, err := base64.StdEncoding.DecodeString(rest)
	if err != nil {
		t.Fatal(err)
	}
	if status != 0 {
		return strings.TrimSpace(string(out)), fmt.Errorf("exit status %d", status)
	}
	return strings.TrimSpace(string(out)), nil
}

// run is try where a failure is the test's.
func (m *machine) run(t *testing.T, script string) string {
	t.Helper()
	out, err := m.try(t, script)
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

// await repeats a script until it succeeds.
func (m *machine) await(t *testing.T, script string) string {
	t.Helper()
	var out string
	var err error
	for range 200 {
		if out, err = m.try(t, script); err == nil {
			return out
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s: %v\n%s\n%s", script, err, out, m.run(t, "journalctl -n 40 --no-pager"))
	return ""
}
