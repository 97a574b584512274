package install

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Whoever reads a file meanwhile finds the old one or the new one, whole.
func TestPlaceWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	text := func(n int) string { return strings.Repeat(fmt.Sprintln(n), 10000) }
	if err := place(path, text(0), 0o644); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		for n := range 50 {
			if err := place(path, text(n%10), 0o640); err != nil {
				done <- err
				return
			}
		}
		close(done)
	}()
	for over := false; !over; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			over = true
		default:
		}
		found, err := os.ReadFile(path)
		if err != nil || len(found) != 20000 || string(found) != strings.Repeat(string(found[:2]), 10000) {
			t.Fatalf("a reader found %d bytes: %v", len(found), err)
		}
	}
	if !same(path, text(9), 0o640) {
		t.Error("the last one is not in place")
	}
}

// Where there is no room the old one stays, and nothing beside it.
func TestPlaceNoRoom(t *testing.T) {
	newHost(t)
	if err := os.Mkdir("/etc/full", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", "/etc/full", "tmpfs", 0, "size=16k"); err != nil {
		t.Fatal(err)
	}
	if err := place("/etc/full/file", "old", 0o644); err != nil {
		t.Fatal(err)
	}
	if err := place("/etc/full/file", strings.Repeat("new", 10000), 0o644); err == nil {
		t.Error("30000 bytes went where there is room for 16384")
	}
	entries, err := os.ReadDir("/etc/full")
	if err != nil || len(entries) != 1 || !same("/etc/full/file", "old", 0o644) {
		t.Errorf("left are %v, %v", entries, err)
	}
}

func TestText(t *testing.T) {
	task := &Task{Program: "/opt/k"}
	for script, want := range map[string]string{
		"A=/usr/bin/keepone run\nB=/usr/bin/keepone-setup\nC=/usr/bin/keepone": mark + "A=/opt/k run\nB=/usr/bin/keepone-setup\nC=/opt/k",
		"#!/bin/sh\nexec /usr/bin/keepone\n":                                   "#!/bin/sh\n" + mark + "exec /opt/k\n",
	} {
		if got := task.text(script); got != want {
			t.Errorf("%q became %q", script, got)
		}
	}
}

func TestOddProgram(t *testing.T) {
	for _, path := range []string{"/home/a b/keepone", "/srv/50%/keepone", "keepone", "/x/$HOME/keepone", "/a\nb"} {
		if err := (&Task{Program: path, Init: "sysv"}).Install(); err == nil || !strings.Contains(err.Error(), "cannot name the program") {
			t.Errorf("%q: %v", path, err)
		}
	}
	if err := (&Task{Program: "/opt/keepone", Init: "systemd", Name: "a+b"}).Install(); err == nil || !strings.Contains(err.Error(), "+") {
		t.Errorf("a+b: %v", err)
	}
}

// What process 1 is decides, not which programs there are.
func TestDetect(t *testing.T) {
	for _, c := range []struct{ one, files, want string }{
		{"systemd", "/run/systemd/system/x /etc/init.d/x /etc/inittab /run/openrc/softlevel", "systemd"},
		{"init", "/run/openrc/softlevel /etc/inittab /etc/init.d/x /sbin/openrc-init", "openrc"},
		{"openrc-init", "/run/openrc/softlevel", "openrc"},
		{"init", "/etc/inittab /etc/init.d/x /sbin/openrc-init /usr/bin/rpm-ostree /usr/bin/systemctl", "sysv"},
		{"init", "/etc/rc2.d/x /etc/init.d/x", "sysv"},
		{"runit", "/etc/init.d/x /etc/inittab", "runit"},
		{"runit-init", "/run/runit.stopit", "runit"},
		{"sh", "/etc/init.d/x /etc/inittab /usr/bin/systemctl", ""},
		{"systemd", "/usr/bin/systemctl", ""}, // of another namespace, or not that far
		{"", "", ""},
	} {
		root := t.TempDir()
		for _, path := range append(strings.Fields(c.files), "/proc/1/comm") {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, path), []byte(c.one+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := detect(root); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("process 1 %q with %s: %q, %v", c.one, c.files, got, err)
		}
	}
}

func TestTrust(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "bin/keepone")
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	task := &Task{Program: program, Out: &out}
	if task.trust(); os.Getuid() == 0 && out.Len() > 0 {
		t.Errorf("of root's own program it is said that %s", &out)
	}
	if err := os.Chmod(filepath.Dir(program), 0o775); err != nil {
		t.Fatal(err)
	}
	if task.trust(); os.Getuid() == 0 && !strings.Contains(out.String(), "may change "+filepath.Dir(program)+":") {
		t.Errorf("of a directory for all it is said %q", &out)
	}
}

func TestExtendPath(t *testing.T) {
	t.Setenv("PATH", "/usr/local/bin:/bin/")
	if err := ExtendPath(); err != nil || os.Getenv("PATH") != "/usr/local/bin:/bin/:/usr/sbin:/usr/bin:/sbin" {
		t.Errorf("PATH is %s, %v", os.Getenv("PATH"), err)
	}
}
