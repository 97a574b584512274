package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// startAll starts a site for every language under every peer that is there, and returns these peers when all answer. The
// daemons that it returns with an error are to be ended, too.
func startAll(ctx context.Context, dir string, all []peer, speak []language) (here []peer, started []*site, err error) {
	for i, p := range all {
		if missing := p.missing(); missing != "" {
			fmt.Printf("left out: %s: %s is not there\n", p.name, missing)
			continue
		}
		for j, l := range speak {
			sub := filepath.Join(dir, fmt.Sprintf("%d.%d", i, j))
			s := p.site(sub, p)
			s.language, s.dir, s.socket = l, sub, filepath.Join(sub, "s")
			if err := s.start(); err != nil {
				return here, started, fmt.Errorf("cannot start %s: %w", p.name, err)
			}
			p.sites, started = append(p.sites, s), append(started, s)
		}
		here = append(here, p)
	}
	go reap(ctx, started)
	for _, s := range started {
		if err := s.answered(ctx); err != nil {
			text, _ := os.ReadFile(s.dir + ".log") // nothing to add then
			return here, started, fmt.Errorf("cannot measure %s: %w\n%s", s.daemon[0], err, text)
		}
		s.since = time.Now()
	}
	return here, started, nil
}

func (s *site) start() error {
	s.files["serve"] = "#!/bin/sh\n" + s.language.start
	err := os.Mkdir(s.dir, 0o755)
	for name, text := range s.files {
		err = errors.Join(err, os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o700))
	}
	if err != nil {
		return err
	}
	log, err := os.Create(s.dir + ".log")
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command(s.daemon[0], s.daemon[1:]...)
	s.cmd.Dir, s.cmd.Env = s.dir, append(os.Environ(), s.environment...)
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.SysProcAttr = log, log, &syscall.SysProcAttr{Setpgid: true}
	return s.cmd.Start()
}

func (s *site) answered(ctx context.Context) error {
	deadline := time.Now().Add(40 * time.Second)
	for {
		_, err := ask(s.socket, s.language.script, load{}.query(0))
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// endAll asks every daemon to stop and waits, then ends what they left behind: our descendants, all of them.
func endAll(started []*site) (err error) {
	done := make(chan struct{}, len(started))
	for _, s := range started {
		err = errors.Join(err, s.cmd.Process.Signal(syscall.SIGTERM))
		go func() { _ = s.cmd.Wait(); done <- struct{}{} }() // its exit code says nothing about memory
	}
	late := time.After(30 * time.Second)
	for waiting := len(started); waiting > 0; waiting-- {
		select {
		case <-done:
		case <-late:
			err, waiting = errors.Join(err, errors.New("cannot stop every daemon within 30 s, so they are killed")), 1
		}
	}
	for range 100 {
		left := children()
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

// reap takes the exit of who became our child when its parent ended, as process 1 would: monit takes a zombie for a
// backend that does not stop. The daemons are waited for by who started them.
func reap(ctx context.Context, started []*site) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, pid := range children() {
			if !slices.ContainsFunc(started, func(s *site) bool { return s.cmd.Process.Pid == pid }) {
				_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // most of them live
			}
		}
	}
}

// children are ours, those that became it when their parents ended included.
func children() (pids []int) {
	files, _ := filepath.Glob("/proc/self/task/*/children") // the pattern is a good one
	for _, file := range files {
		text, _ := os.ReadFile(file) // a thread that ended has none
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
