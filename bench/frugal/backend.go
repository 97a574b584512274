package main

import (
	"context"
	"embed"
	"encoding/json"
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

//go:embed site
var scripts embed.FS

// A backend is one interpreter with what it serves.
type backend struct {
	name, title string
	program     string
	script      string // "" where each request names it
	page        string // SCRIPT_FILENAME
	requests    int
	together    int // requests at a time
}

// backends are those that are installed; the others are named.
func backends(dir, python, only string) ([]*backend, error) {
	all := []*backend{
		{name: "python", program: python, script: "threaded.py", requests: 400, together: 8},
		{name: "php", program: "php-cgi", page: "page.php", requests: 100, together: 1},
		{name: "perl", program: "perl", script: "page.pl", requests: 60, together: 1},
	}
	var have []*backend
	for _, b := range all {
		if only != "" && only != b.name {
			continue
		}
		path, err := exec.LookPath(b.program)
		if err == nil && b.name == "perl" {
			err = exec.Command(path, "-MFCGI", "-e", "1").Run()
		}
		if err != nil {
			fmt.Printf("%s is not measured: %v\n", b.name, err)
			continue
		}
		for _, file := range []*string{&b.script, &b.page} {
			if *file == "" {
				continue
			}
			text, err := scripts.ReadFile("site/" + *file)
			if err != nil {
				return nil, err
			}
			*file = filepath.Join(dir, *file)
			if err := os.WriteFile(*file, text, 0o644); err != nil {
				return nil, err
			}
		}
		b.program, b.title = path, titles[b.name]
		have = append(have, b)
	}
	return have, nil
}

var titles = map[string]string{"python": "Python with 32 threads", "php": "php-cgi", "perl": "Perl with FCGI"}

// A site is a keepone with its backend.
type site struct {
	daemon         *exec.Cmd
	flags          []string
	socket, output string
}

// measure starts the backend in that way, has it serve its requests, and looks at it when all are answered.
func (b *backend) measure(ctx context.Context, keepone, dir string, w way) (s sample, err error) {
	dir, err = os.MkdirTemp(dir, b.name)
	if err != nil {
		return s, err
	}
	defer os.RemoveAll(dir)
	site, err := b.start(keepone, dir, w)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, site.end()) }()
	if err := ask(ctx, site.socket, b.page, 1, 1); err != nil {
		text, _ := os.ReadFile(site.output) // nothing to add then
		return s, fmt.Errorf("%w\n%s", err, text)
	}
	begun := time.Now()
	if err := ask(ctx, site.socket, b.page, b.requests, b.together); err != nil {
		return s, err
	}
	wall := time.Since(begun)
	if err := collapsed(ctx); err != nil {
		return s, err
	}
	pid, err := site.pid(ctx, keepone)
	if err != nil {
		return s, err
	}
	s, err = look(pid)
	s.wall = wall
	return s, err
}

// start runs keepone. What a way wants of the kernel is inherited from this process, which takes it on for a moment.
func (b *backend) start(keepone, dir string, w way) (*site, error) {
	config := filepath.Join(dir, "site.toml")
	s := &site{flags: []string{"-c", config, "--run-dir", filepath.Join(dir, "run")}, socket: filepath.Join(dir, "s"), output: filepath.Join(dir, "log")}
	if err := os.WriteFile(config, []byte(b.config(s, w)), 0o644); err != nil {
		return nil, err
	}
	log, err := os.Create(s.output)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.daemon = exec.Command(keepone, append([]string{"run"}, s.flags...)...)
	s.daemon.Stdout, s.daemon.Stderr, s.daemon.SysProcAttr = log, log, &syscall.SysProcAttr{Setpgid: true}
	for option, wanted := range map[int]bool{unix.PR_SET_THP_DISABLE: w.noHugePages, unix.PR_SET_MEMORY_MERGE: w.merge} {
		if !wanted {
			continue
		}
		if err := unix.Prctl(option, 1, 0, 0, 0); err != nil {
			return nil, fmt.Errorf("prctl %d: %w", option, err)
		}
		defer unix.Prctl(option, 0, 0, 0, 0)
	}
	return s, s.daemon.Start()
}

func (b *backend) config(s *site, w way) string {
	var t strings.Builder
	command := append([]string{b.program}, w.arguments...)
	if b.script != "" {
		command = append(command, b.script)
	}
	text, _ := json.Marshal(command) // strings cannot fail; a JSON array of them is a TOML one
	fmt.Fprintf(&t, "[backend]\ncommand = %s\n", text)
	if os.Getuid() == 0 {
		t.WriteString("user = \"root\"\n")
	}
	fmt.Fprintf(&t, "[memory]\nfrugal = %t\n[socket]\npath = %q\n[output]\nto = %q\n", w.frugal, s.socket, s.output+".backend")
	if w.stack != "" {
		fmt.Fprintf(&t, "[limits]\nstack = %q\n", w.stack)
	}
	t.WriteString("[environment]\nfiles = []\n")
	for name, value := range w.env {
		fmt.Fprintf(&t, "%s = %q\n", name, value)
	}
	return t.String()
}

// pid is that of the backend.
func (s *site) pid(ctx context.Context, keepone string) (int, error) {
	out, err := exec.CommandContext(ctx, keepone, append([]string{"status", "--json"}, s.flags...)...).Output()
	if err != nil {
		return 0, fmt.Errorf("cannot ask for the status: %w", err)
	}
	var status struct {
		Backend  struct{ PID int }
		Restarts struct{ Total int }
	}
	if err := json.Unmarshal(out, &status); err != nil {
		return 0, err
	}
	if status.Restarts.Total != 0 {
		return 0, fmt.Errorf("the backend was restarted meanwhile: %s", out)
	}
	return status.Backend.PID, nil
}

// end asks keepone to stop, which stops its backend, too, and waits.
func (s *site) end() error {
	done := make(chan struct{})
	go func() { _ = s.daemon.Wait(); close(done) }() // its exit code says nothing about memory
	if err := s.daemon.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-time.After(30 * time.Second):
		return errors.Join(errors.New("cannot stop keepone within 30 s"), s.daemon.Process.Kill())
	}
}
