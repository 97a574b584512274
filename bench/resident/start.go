package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// startAll starts every peer that is there, all at once, and returns those that run when their php-cgi answers. The ones
// it returns with an error are to be ended, too.
func startAll(ctx context.Context, all []*peer, php string, group *charges) (started []*peer, err error) {
	for i, p := range all {
		if missing := p.missing(); missing != "" {
			fmt.Printf("left out: %s: %s is not there\n", p.name, missing)
			continue
		}
		if p.group, err = group.add(fmt.Sprintf("peer%d", i)); err != nil {
			return started, err
		}
		p.charges, p.php = group, php
		if err := p.start(php, group.backends()); err != nil {
			return started, fmt.Errorf("cannot start %s: %w", p.name, err)
		}
		started = append(started, p)
	}
	for _, p := range started {
		if p.ready == "" {
			continue
		}
		if err := answered(ctx, p.ready, p.backend); err != nil {
			text, _ := os.ReadFile(p.dir + ".log") // nothing to add then
			return started, fmt.Errorf("cannot measure %s: %w\n%s", p.name, err, text)
		}
	}
	return started, nil
}

// start writes the files and starts the daemon, through a shell that enters the peer's cgroup first.
func (p *peer) start(php, backends string) error {
	script := "#!/bin/sh\n"
	if backends != "" {
		script += fmt.Sprintf("echo $$ >%s/cgroup.procs\n", backends)
	}
	p.files["backend"] = script + fmt.Sprintf("exec %s \"$@\"\n", php)
	err := os.Mkdir(p.dir, 0o755)
	for name, text := range p.files {
		path := filepath.Join(p.dir, name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o700))
	}
	if err != nil {
		return err
	}
	log, err := os.Create(p.dir + ".log")
	if err != nil {
		return err
	}
	defer log.Close()
	enter := `exec "$@"`
	if p.group != "" {
		enter = fmt.Sprintf(`echo $$ >%s/cgroup.procs && exec "$@"`, p.group)
	}
	p.cmd = exec.Command("/bin/sh", append([]string{"-c", enter, "sh"}, p.daemon...)...)
	p.cmd.Dir, p.cmd.Env = p.dir, append(os.Environ(), p.environment...)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = log, log, &syscall.SysProcAttr{Setpgid: true}
	if p.listens {
		socket, err := listen(p.ready)
		if err != nil {
			return err
		}
		defer socket.Close()
		p.cmd.Stdin = socket
	}
	return p.cmd.Start()
}

// listen makes a socket for a peer that has none made for it. Its flags are shared by all who hold it, so it must block:
// else php-cgi would see EAGAIN.
func listen(path string) (*os.File, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	defer l.Close()
	file, err := l.File()
	if err != nil {
		return nil, err
	}
	return file, syscall.SetNonblock(int(file.Fd()), false)
}

// getValues is FCGI_GET_VALUES with FCGI_MPXS_CONNS, which php-cgi answers itself, without a script (FastCGI
// specification, section 4.1).
var getValues = append([]byte{1, 9, 0, 0, 0, 17, 0, 0, 15, 0}, "FCGI_MPXS_CONNS"...)

// answered asks until somebody is there: one who connects, or php-cgi with an answer.
func answered(ctx context.Context, path string, ask bool) error {
	deadline := time.Now().Add(40 * time.Second)
	for {
		err := once(path, ask, deadline)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("nobody answers at %s: %w", path, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func once(path string, ask bool, deadline time.Time) error {
	c, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	defer c.Close()
	if !ask {
		return nil
	}
	if err := c.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := c.Write(getValues); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 8))
	return err
}

// endAll asks every daemon to stop and waits, then ends what they left behind: our descendants, all of them.
func endAll(started []*peer) (err error) {
	done := make(chan struct{}, len(started))
	for _, p := range started {
		err = errors.Join(err, p.cmd.Process.Signal(syscall.SIGTERM))
		go func() { _ = p.cmd.Wait(); done <- struct{}{} }() // its exit code says nothing about what it cost
	}
	late := time.After(30 * time.Second)
	for range started {
		select {
		case <-done:
		case <-late:
			err = errors.Join(err, errors.New("cannot stop every daemon within 30 s, so they are killed"))
			late = nil
		}
		if late == nil {
			break
		}
	}
	for range 100 {
		left := children(os.Getpid())
		if len(left) == 0 {
			break
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)               // a child of ours cannot be anybody else
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // the next round finds who is not gone
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}
