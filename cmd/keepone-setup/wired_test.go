package main

import (
	"context"
	"embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

//go:embed testdata
var siteFiles embed.FS

// programs builds keepone and keepone-setup once, where every user may run them.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "keepone-programs")
	if err != nil {
		return "", err
	}
	c := exec.Command("go", "build", "-o", dir, "keepone/cmd/keepone", "keepone/cmd/keepone-setup")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("cannot build: %w\n%s", err, out)
	}
	return dir, os.Chmod(dir, 0o755)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := programs(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// A running is a program that a test started, in a process group of its own.
type running struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once it is reaped
}

// A behind is a real backend behind a real keepone, in a directory of its own.
type behind struct {
	*testing.T
	dir, name, file, run, socket string
	keepone                      *running
}

// newBehind starts a site; extra are lines of its configuration, which begins
// with [backend].
func newBehind(t *testing.T, socket, extra string) *behind {
	t.Helper()
	dir, err := os.MkdirTemp("", "kw")
	ok(t, err)
	b := &behind{T: t, dir: dir, name: filepath.Base(dir)}
	b.file, b.run, b.socket = filepath.Join(dir, b.name+".toml"), filepath.Join(dir, "run"), socket
	if socket == "" {
		b.socket = filepath.Join(b.run, b.name+".sock")
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	ok(t, os.Chmod(dir, 0o755))
	for _, file := range []string{"site.py", "index.php"} {
		text, err := siteFiles.ReadFile("testdata/" + file)
		ok(t, err)
		ok(t, os.WriteFile(filepath.Join(dir, file), text, 0o644))
	}
	for _, static := range []string{"static/a.txt", "apps/welcome/static/b.txt", "apps/welcome/secret.txt"} {
		ok(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(static)), 0o755))
		ok(t, os.WriteFile(filepath.Join(dir, static), []byte("from the disk: "+filepath.Base(static)), 0o644))
	}
	b.configure(extra)
	return b
}

// account is whom backend and web servers run as: www-data where the test is
// root.
func account() string {
	if os.Geteuid() == 0 {
		return "www-data"
	}
	u, err := user.Current()
	if err != nil {
		return strconv.Itoa(os.Geteuid())
	}
	return u.Username
}

func (b *behind) configure(extra string) {
	b.Helper()
	text := fmt.Sprintf("[backend]\ndirectory = %q\nuser = %q\n%s\n[output]\nto = %q\n", b.dir, account(), extra, filepath.Join(b.dir, "output.log"))
	if !strings.Contains(extra, "[socket]") {
		text += fmt.Sprintf("[socket]\npath = %q\n", b.socket)
	}
	ok(b.T, os.WriteFile(b.file, []byte(text), 0o644))
}

// start runs keepone until the backend is up.
func (b *behind) start() {
	b.Helper()
	b.keepone = launch(b.T, filepath.Join(b.dir, "keepone.log"), b.program("keepone"), "run", "-c", b.file, "--run-dir", b.run)
	eventually(b.T, "the backend is up", func() bool {
		out, err := b.command("status")
		return err == nil && strings.Contains(out, "up")
	})
}

func (b *behind) program(name string) string {
	b.Helper()
	dir, err := programs()
	ok(b.T, err)
	return filepath.Join(dir, name)
}

// command runs a command of keepone's on the site and returns what it prints.
func (b *behind) command(verb string, args ...string) (string, error) {
	b.Helper()
	argv := append([]string{verb}, args...)
	argv = append(argv, "-c", b.file, "--run-dir", b.run)
	return printed(b.program("keepone"), argv...)
}

func printed(program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program, args...)
	out, err := c.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %q: %w\n%s", program, args, err, out)
	}
	return string(out), err
}

// launch starts a program that the test's end ends; the log is shown when it
// fails.
func launch(t *testing.T, log, program string, args ...string) *running {
	t.Helper()
	out, err := os.Create(log)
	ok(t, err)
	defer out.Close()
	r := &running{exec.Command(program, args...), make(chan struct{})}
	dir := filepath.Dir(log)
	r.cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir) // where Caddy keeps things
	r.cmd.Stdout, r.cmd.Stderr, r.cmd.SysProcAttr = out, out, &syscall.SysProcAttr{Setpgid: true}
	ok(t, r.cmd.Start())
	go func() { _ = r.cmd.Wait(); close(r.done) }() // how it ends is not asked
	t.Cleanup(func() {
		r.end(t, syscall.SIGTERM)
		if t.Failed() {
			text, _ := os.ReadFile(log)
			t.Logf("--- %s\n%s", filepath.Base(program), text[max(0, len(text)-3000):])
		}
	})
	return r
}

func (r *running) alive() bool {
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

// end ends it, and by force what does not hear.
func (r *running) end(t *testing.T, sig syscall.Signal) {
	t.Helper()
	_ = r.cmd.Process.Signal(sig) // it may be gone
	select {
	case <-r.done:
	case <-time.After(30 * time.Second):
		t.Errorf("%s does not end by %v", r.cmd.Path, sig)
		_ = r.cmd.Process.Kill() // not reaped yet, so it is nobody else's number
		<-r.done
	}
}

// eventually polls until it is so; a minute is given up after, not waited.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// installed skips the test where a program is missing.
func installed(t *testing.T, program string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/bin"} {
		if info, err := os.Stat(filepath.Join(dir, program)); err == nil && info.Mode()&0o111 != 0 {
			return filepath.Join(dir, program)
		}
	}
	t.Skipf("%s is not installed", program)
	return ""
}

// freePort is where nobody listens now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
