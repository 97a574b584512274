package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestInit builds both programs where every user can run them, and tries init
// as it is used.
func TestInit(t *testing.T) {
	dir, err := os.MkdirTemp("", "keepone-init")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	out, err := exec.Command("go", "build", "-o", dir, "keepone/cmd/keepone", "keepone/cmd/keepone-setup").CombinedOutput()
	if err := errors.Join(err, os.Chmod(dir, 0o755)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, try := range map[string]func(*newcomer){
		"flags": initFlags, "writes": initWrites, "dialogue": initDialogue, "interrupted": initInterrupted, "serves": initServes, "python": initPython, "root": initAsRoot,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			try(newNewcomer(t, filepath.Join(dir, "keepone")))
		})
	}
}

// A newcomer is an ordinary user with a home of its own, who begins with keepone.
type newcomer struct {
	t             *testing.T
	keepone, home string
	sys           *syscall.SysProcAttr
}

func newNewcomer(t *testing.T, program string) *newcomer {
	t.Helper()
	home, err := os.MkdirTemp("", "init") // short, for a socket's path
	n := &newcomer{t: t, keepone: program, home: home, sys: &syscall.SysProcAttr{}}
	n.must(err, os.Chmod(home, 0o755))
	t.Cleanup(func() { n.must(os.RemoveAll(home)) })
	if os.Geteuid() == 0 {
		n.sys.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		n.must(os.Chown(home, 65534, 65534))
	}
	return n
}

func (n *newcomer) must(errs ...error) {
	n.t.Helper()
	if err := errors.Join(errs...); err != nil {
		n.t.Fatal(err)
	}
}

// file is the configuration of that name.
func (n *newcomer) file(name string) string {
	return filepath.Join(n.home, ".config/keepone", name+".toml")
}

// put writes a file in the home, for everybody.
func (n *newcomer) put(name, text string) string {
	n.t.Helper()
	file := filepath.Join(n.home, name)
	n.must(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o755))
	if c := n.sys.Credential; c != nil {
		n.must(os.Chown(filepath.Dir(file), int(c.Uid), int(c.Gid)), os.Chown(file, int(c.Uid), int(c.Gid)))
	}
	return file
}

func (n *newcomer) command(args ...string) *exec.Cmd {
	cmd := exec.Command(n.keepone, args...)
	cmd.Dir, cmd.SysProcAttr = n.home, n.sys
	cmd.Env = []string{"HOME=" + n.home, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8"}
	return cmd
}

// run gives the exit code and what was said.
func (n *newcomer) run(args ...string) (code int, out, errs string) {
	n.t.Helper()
	cmd := n.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		n.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// want runs a command and demands its exit code and words of what it says.
func (n *newcomer) want(code int, words string, args ...string) {
	n.t.Helper()
	got, out, errs := n.run(args...)
	if got != code {
		n.t.Errorf("keepone %q: code %d, want %d\n%s%s", args, got, code, out, errs)
	}
	for word := range strings.SplitSeq(words, "|") {
		if !strings.Contains(out+errs, word) {
			n.t.Errorf("keepone %q does not say %q\n%s%s", args, word, out, errs)
		}
	}
}

// Without a terminal init takes flags, or says that it cannot ask.
func initFlags(n *newcomer) {
	n.must(os.MkdirAll(filepath.Join(n.home, "site"), 0o755))
	n.want(2, "cannot ask on what is no terminal|hint: keepone init NAME --directory", "init")
	n.want(2, "cannot tell what runs the site in|--command", "init", "--directory", "site")
	n.want(2, "no such file", "init", "--directory", "nowhere")
	n.want(2, "cannot use --command: a closing", "init", "x", "--command", "a 'b")
	n.want(2, "is for a shell", "init", "x", "--command", "a && b")
	n.want(2, `cannot use "a/b" as a name`, "init", "a/b", "--command", "a")
	n.want(2, "together", "init", "x", "--command", "a", "--from", "b")
	n.want(2, "unknown flag", "init", "--nonsense")
	n.want(1, "cannot read", "init", "--from", "/nonexistent")
	n.want(1, "not a regular file", "init", "--from", "/dev/zero")
	n.want(1, "that is no number", "init", "--from", "PID:0")
	n.want(2, "hint: keepone init", "init", "--kind", "shell")
	n.want(1, "is not an absolute path", "init", "x", "--command", "true", "--socket", "relative/path", "-o", n.home+"/x.toml")
	if entries, err := os.ReadDir(filepath.Dir(n.file("x"))); err == nil {
		n.t.Errorf("something was written: %v", entries)
	}
}

// A file that is there is never written over, unless a copy of it is kept.
func initWrites(n *newcomer) {
	n.must(os.MkdirAll(filepath.Join(n.home, "site"), 0o755))
	make := []string{"init", "shop", "--command", "php-cgi -b 127.0.0.1:9000", "--directory", "site"}
	n.want(0, "Wrote "+n.file("shop")+".|keepone check shop|keepone install --user shop|keepone webserver lighttpd shop", make...)
	first, err := os.ReadFile(n.file("shop"))
	n.must(err)
	if info, err := os.Stat(n.file("shop")); err != nil || info.Mode().Perm() != 0o644 {
		n.t.Error(info.Mode(), err)
	}
	n.want(0, `command = ["`, "check", "shop")
	n.want(1, "it is there already|--force", make...)
	n.want(0, "The former one is "+n.file("shop")+".bak", append(make, "--force", "--protocol", "scgi")...)
	if kept, err := os.ReadFile(n.file("shop") + ".bak"); err != nil || !bytes.Equal(kept, first) {
		n.t.Error(string(kept), err)
	}
	n.want(0, `protocol = "scgi"`, "check", "shop")
	n.want(0, "keepone check -c "+n.home+"/o.toml", append(make, "-o", n.home+"/o.toml")...)
	n.want(0, `path = "/run/mine.sock"|handoff = "listen-fds"`, append(make, "-o", "-", "--socket", "/run/mine.sock", "--handoff", "listen-fds")...)
	n.put("secret.conf", "[program:secret]\ncommand=/bin/true\nenvironment=DB_PASSWORD=\"x\"\n")
	n.want(0, "only you can read", "init", "--from", "secret.conf")
	if info, err := os.Stat(n.file("secret")); err != nil || info.Mode().Perm() != 0o600 {
		n.t.Error(info, err)
	}
	n.put("plain.service", "[Service]\nExecStart=/bin/true\n")
	n.must(os.Chmod(n.put("plain.service.d/own.conf", "[Service]\nEnvironment=WHO=me\n"), 0o600))
	n.want(0, "only you can read", "init", "--from", "plain.service")
	n.put("two.conf", "[program:a]\ncommand=/bin/true\n[program:b]\ncommand=/bin/false\n")
	n.want(2, "name one|a: /bin/true|b: /bin/false", "init", "--from", "two.conf")
	n.want(0, "/bin/false", "init", "--from", "two.conf", "b", "-o", "-")
}
