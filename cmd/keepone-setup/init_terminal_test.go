package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A dialogue is keepone init on a terminal of its own.
type dialogue struct {
	n      *newcomer
	master *os.File
	cmd    *exec.Cmd
	shown  chan []byte // closed when the terminal is
	all    bytes.Buffer
	past   int // what of it was waited for
}

// converse starts init in a session of its own; see pty(7).
func (n *newcomer) converse(args ...string) *dialogue {
	n.t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		n.t.Skipf("no pseudo terminal can be had: %v", err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	n.must(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	n.must(err)
	d := &dialogue{n: n, master: os.NewFile(uintptr(fd), "/dev/ptmx"), cmd: n.command(append([]string{"init"}, args...)...), shown: make(chan []byte)}
	sys := *n.sys
	sys.Setsid, sys.Setctty = true, true
	d.cmd.SysProcAttr = &sys
	d.cmd.Stdin, d.cmd.Stdout, d.cmd.Stderr = slave, slave, slave
	n.must(d.cmd.Start(), slave.Close())
	master, shown := d.master, d.shown
	go func() {
		defer close(shown)
		for {
			piece := make([]byte, 4096)
			count, err := master.Read(piece) // EIO when the last of the other side is gone
			if err != nil {
				return
			}
			shown <- piece[:count]
		}
	}()
	n.t.Cleanup(func() {
		_ = d.cmd.Process.Kill() // it has ended, in a test that passes
		_ = master.Close()
		for range shown { // the reader ends with the master
		}
	})
	return d
}

// answer waits for a question and types.
func (d *dialogue) answer(question, keys string) {
	d.n.t.Helper()
	d.wait(question)
	if _, err := d.master.WriteString(keys); err != nil {
		d.n.t.Fatal(err)
	}
}

// wait reads until something is shown that was not waited for before.
func (d *dialogue) wait(text string) {
	d.n.t.Helper()
	late := time.After(time.Minute)
	for {
		if at := bytes.Index(d.all.Bytes()[d.past:], []byte(text)); at >= 0 {
			d.past += at + len(text)
			return
		}
		select {
		case piece, open := <-d.shown:
			if !open {
				d.n.t.Fatalf("it ended without %q:\n%s", text, d.all.String())
			}
			d.all.Write(piece)
		case <-late:
			d.n.t.Fatalf("waited in vain for %q:\n%s", text, d.all.String())
		}
	}
}

// end waits for the exit code.
func (d *dialogue) end(code int) {
	d.n.t.Helper()
	for piece := range d.shown {
		d.all.Write(piece)
	}
	if err := d.cmd.Wait(); d.cmd.ProcessState.ExitCode() != code {
		d.n.t.Errorf("%v, want code %d:\n%s", err, code, d.all.String())
	}
}

// initDialogue answers every question, some of them wrong at first.
func initDialogue(n *newcomer) {
	site := filepath.Dir(n.put("shop/serve.pl", "use FCGI;\n"))
	d := n.converse()
	d.answer("Directory of the site ["+n.home+"]: ", "/no/such\r")
	d.wait("/no/such: no such file or directory")
	d.answer("Directory of the site", site+"\r")
	d.wait("Found the FastCGI script serve.pl in " + site)
	d.answer("Name [shop]: ", "a/b\r")
	d.wait("make a name")
	d.answer("Name [shop]: ", "\r")
	d.answer("Command [/usr/bin/perl serve.pl]: ", "/nonexistent/perl serve.pl\r")
	d.wait("is not there")
	d.answer("Command [", "\r")
	d.answer("Write "+n.file("shop")+" [yes]: ", "perhaps\r")
	d.wait("yes or no")
	d.answer("Write ", "\r")
	d.wait("Wrote " + n.file("shop"))
	d.wait("keepone check shop")
	d.end(0)
	text, err := os.ReadFile(n.file("shop"))
	if err != nil || !strings.Contains(string(text), `command = ["/usr/bin/perl", "serve.pl"]`) || !strings.Contains(string(text), `directory = "`+site+`"`) {
		n.t.Errorf("%v\n%s", err, text)
	}
	again := n.converse("--directory", site)
	again.answer("Name [shop]: ", "\r")
	again.wait("shop.toml is there already")
	again.answer("Name [shop]: ", "other\r")
	again.answer("Command [", "\r")
	again.answer("Write ", "no\r")
	again.end(1)
	if _, err := os.Stat(n.file("other")); !errors.Is(err, os.ErrNotExist) {
		n.t.Error("it was written:", err)
	}
}

// initInterrupted: Ctrl-C and the end of the input write nothing.
func initInterrupted(n *newcomer) {
	n.put("index.php", "")
	for keys, code := range map[string]int{"\x03": -1, "\x04": 1} { // -1: by the signal
		d := n.converse("shop", "--directory", ".")
		d.answer("Command [", "\r")
		d.answer("Write ", keys)
		d.end(code)
		if entries, err := os.ReadDir(filepath.Dir(n.file("x"))); err == nil && len(entries) > 0 {
			n.t.Errorf("something was written: %v", entries)
		}
	}
}

// initAsRoot: root is asked whom the site runs as, and never root by silence.
func initAsRoot(n *newcomer) {
	if os.Geteuid() != 0 {
		n.t.Skip("needs root")
	}
	n.put("site/index.php", "")
	n.sys.Credential = nil
	file := filepath.Join(n.home, "x.toml")
	d := n.converse("x", "--directory", "site", "-o", file)
	d.answer("Command [", "\r")
	d.answer("User", "no-such-user\r")
	d.wait(`there is no user "no-such-user"`)
	d.answer("User", "nobody\r")
	d.answer("Write "+file, "y\r")
	d.end(0)
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), `user = "nobody"`) {
		n.t.Errorf("%v\n%s", err, text)
	}
	n.want(0, `user = "root"`, "init", "x", "--command", "/bin/true", "--user", "root", "-o", "-")
	n.want(2, "there is no user", "init", "x", "--command", "/bin/true", "--user", "no-such-user", "-o", "-")
	n.put("rc.local", "php-cgi -b /run/php.sock &\n")
	for _, source := range []string{"rc.local", fmt.Sprintf("PID:%d", os.Getpid())} { // both are root's
		code, out, errs := n.run("init", "x", "--from", source, "-o", "-")
		if strings.Contains(out, `user = "root"`) || code != 2 && !strings.Contains(errs, "it runs as root today") {
			n.t.Errorf("%s: code %d\n%s%s", source, code, out, errs)
		}
	}
}
