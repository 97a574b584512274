package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// site is what the demo starts: keepone with its backend, and a web server.
type site struct {
	dir, listen, keepone string
	lighttpd, php        string       // paths, "" where the stand-in serves
	user                 string       // whom web server and backend run as; "" where that is us
	web, supervisor      *program     // nil until started
	builtin              *http.Server // the stand-in for lighttpd
}

// program is a child; exited is closed once it is reaped.
type program struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

func newSite(keepone, listen string) (*site, error) {
	s := &site{keepone: keepone, listen: listen, lighttpd: find("lighttpd"), php: find("php-cgi")}
	if os.Getuid() == 0 {
		if _, err := user.Lookup("www-data"); err != nil {
			return nil, fmt.Errorf("cannot choose an ordinary user for the backend: %w (run the demo as one)", err)
		}
		s.user = "www-data"
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "keepone-demo"); err != nil {
		return nil, err
	}
	if err := s.write(); err != nil {
		os.RemoveAll(s.dir)
		return nil, err
	}
	return s, nil
}

func find(program string) string {
	path, err := exec.LookPath(program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + program)
	}
	if err != nil {
		return ""
	}
	return path
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) socket() string { return s.path("run/demo.sock") }

func (s *site) frontName() string {
	if s.lighttpd != "" {
		return s.lighttpd
	}
	return "a stand-in for lighttpd (not installed)"
}

func (s *site) backendName() string {
	if s.php != "" {
		return s.php
	}
	return "a stand-in for php-cgi (not installed)"
}

// write makes the files; other users can read them.
func (s *site) write() error {
	command := strconv.Quote(s.php)
	if s.php == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		if err := copyProgram(s.path("demo"), self); err != nil {
			return err
		}
		command = strconv.Quote(s.path("demo")) + `, "-backend"`
	}
	return errors.Join(os.Chmod(s.dir, 0o755),
		os.WriteFile(s.path("index.php"), []byte(script), 0o644),
		os.WriteFile(s.path("demo.toml"), []byte(s.configuration(command)), 0o644),
		os.WriteFile(s.path("lighttpd.conf"), []byte(s.lighttpdConf()), 0o644))
}

func copyProgram(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// start starts keepone, waits until its backend is ready, and starts the web server.
func (s *site) start(ctx context.Context) (err error) {
	s.supervisor, err = s.child("keepone.log", s.keepone, "run", "-c", s.path("demo.toml"), "--run-dir", s.path("run"))
	if err != nil {
		return err
	}
	if err := s.wait(ctx, s.supervisor, "keepone.log", func() bool {
		out, _ := s.command(ctx, "status", "--json").Output() // no answer yet, no state
		return strings.Contains(string(out), `"state": "up"`)
	}); err != nil {
		return err
	}
	if s.lighttpd == "" {
		return s.startBuiltin()
	}
	if s.web, err = s.child("lighttpd.log", s.lighttpd, "-D", "-f", s.path("lighttpd.conf")); err != nil {
		return err
	}
	return s.wait(ctx, s.web, "lighttpd.log", func() bool {
		c, err := net.Dial("tcp", s.listen)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// child starts a program in a process group of its own: Ctrl-C is for us alone.
func (s *site) child(log string, argv ...string) (*program, error) {
	out, err := os.Create(s.path(log))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &program{exec.Command(argv[0], argv[1:]...), make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = out, out, &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = p.cmd.Wait(); close(p.exited) }()
	return p, nil
}

// wait polls until ready; it gives up when the program exits or half a minute has passed.
func (s *site) wait(ctx context.Context, p *program, log string, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for !ready() {
		select {
		case <-p.exited:
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
			continue
		}
		text, _ := os.ReadFile(s.path(log)) // nothing to add then
		return fmt.Errorf("cannot start %s:\n%s", p.cmd.Path, text)
	}
	return nil
}

// end ends by pid what was started: the web server first, then keepone, which ends the backend.
func (s *site) end() {
	if s.builtin != nil {
		s.builtin.Close()
	}
	for _, p := range []*program{s.web, s.supervisor} {
		if p == nil {
			continue
		}
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
		select {
		case <-p.exited:
		case <-time.After(45 * time.Second):
			_ = p.cmd.Process.Kill()
			<-p.exited
			fmt.Fprintf(os.Stderr, "demo: %s did not end and was killed\n", p.cmd.Path)
		}
	}
	os.RemoveAll(s.dir)
}

func (s *site) command(ctx context.Context, verb string, more ...string) *exec.Cmd {
	args := append([]string{verb, "-c", s.path("demo.toml"), "--run-dir", s.path("run")}, more...)
	return exec.CommandContext(ctx, s.keepone, args...)
}

// advice is a command as one would type it.
func (s *site) advice(verb string) string {
	return strings.Join(s.command(context.Background(), verb).Args, " ")
}

// show runs a command and lets it print.
func (s *site) show(verb string) error {
	cmd := s.command(context.Background(), verb)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	fmt.Println("$ keepone", verb)
	return cmd.Run()
}

// quietly runs a command and prints what it says only when it fails.
func (s *site) quietly(verb string) error {
	out, err := s.command(context.Background(), verb).CombinedOutput()
	if err != nil {
		return fmt.Errorf("keepone %s: %w\n%s", verb, err, out)
	}
	return nil
}
