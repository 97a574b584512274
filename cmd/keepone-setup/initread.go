package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"keepone/command"
	"keepone/scaffold"
)

// read makes a plan of --from, and chooses by the name where it has several.
func (i *initiation) read() (*scaffold.Plan, error) {
	s, err := i.source()
	if err != nil {
		return nil, command.Fail(command.Failed, "", err)
	}
	kind := i.kind
	if kind == "" {
		kind = s.Kind()
	}
	plans, err := scaffold.From(kind, s)
	if err != nil {
		return nil, command.Fail(command.Failed, "--kind "+strings.Join(scaffold.Kinds, "|")+" says what it is", err)
	}
	var all strings.Builder
	for _, p := range plans {
		if p.Name == i.name {
			return p, nil
		}
		fmt.Fprintf(&all, "\n  %s: %s", p.Name, spoken(p.Command))
	}
	if len(plans) > 1 {
		return nil, command.Misused("keepone init --from "+i.from+" "+plans[0].Name, "cannot choose: %s starts several; name one:%s", i.from, all.String())
	}
	return plans[0], nil
}

// source reads the file and what counts to it, and notes whether others may.
func (i *initiation) source() (scaffold.Source, error) {
	if i.from == "-" {
		text, err := readAll(i.in)
		if err != nil {
			return scaffold.Source{}, fmt.Errorf("cannot read the standard input: %w", err)
		}
		return scaffold.Source{Path: "-", Text: text}, nil
	}
	path, err := filepath.Abs(i.from)
	if err != nil {
		return scaffold.Source{}, fmt.Errorf("cannot read %s: %w", i.from, err)
	}
	text, mode, err := readSource(path)
	if err != nil {
		return scaffold.Source{}, err
	}
	i.private = mode&0o004 == 0
	s := scaffold.Source{Path: path, Text: text, Beside: func(name string) (string, bool) {
		text, mode, err := readSource(filepath.Join(filepath.Dir(path), filepath.Base(name)))
		i.private = i.private || err == nil && mode&0o004 == 0
		return text, err == nil
	}}
	dropIns, _ := filepath.Glob(path + ".d/*.conf") // sorted; only a bad pattern fails, and then there are none
	for _, file := range dropIns {
		text, mode, err := readSource(file)
		if err != nil {
			return s, err
		}
		i.private = i.private || mode&0o004 == 0
		s.Shared = append(s.Shared, text)
	}
	return s, nil
}

func readSource(path string) (string, fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", 0, fmt.Errorf("cannot read %s: %w", path, errors.Unwrap(err))
	}
	if !info.Mode().IsRegular() { // a FIFO would wait for ever
		return "", 0, fmt.Errorf("cannot read %s: it is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", 0, fmt.Errorf("cannot read %s: %w", path, errors.Unwrap(err))
	}
	defer f.Close()
	text, err := readAll(f)
	if err != nil {
		return "", 0, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return text, info.Mode().Perm(), nil
}

// readAll reads no more than one byte above what From takes, which then says so.
func readAll(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, scaffold.LargestSource+1))
	return string(text), err
}

// modulePatience is how long an interpreter may take to load a module.
const modulePatience = 20 * time.Second

// harmlessly runs a test of a module, of code that the site's user may write:
// never as root, but as that user, or else as the web server's, or nobody; and in
// a session of its own, for whoever has root's terminal can type for root, see
// TIOCSTI in ioctl_tty(2).
func (i *initiation) harmlessly(dir string, argv []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), modulePatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"}
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // not reaped yet: it is the group's number
	if os.Geteuid() == 0 {
		uid, gid := uint32(65534), uint32(65534) // nobody, on Debian and Fedora
		for _, name := range []string{i.user, scaffold.WebUser("/").User} {
			u, err := user.Lookup(name)
			if err != nil || u.Uid == "0" {
				continue
			}
			n, bad := strconv.ParseUint(u.Uid, 10, 32)
			g, worse := strconv.ParseUint(u.Gid, 10, 32)
			if errors.Join(bad, worse) == nil {
				uid, gid = uint32(n), uint32(g)
				break
			}
		}
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	return cmd.Run()
}
