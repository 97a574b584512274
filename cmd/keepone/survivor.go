package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"keepone/command"
	"keepone/config"
	"keepone/process"
	"keepone/single"
)

// survivorPatience is the most that a survivor's stop.timeout counts: who asks
// is an init system that has waited long enough.
const survivorPatience = 20 * time.Second

// endSurvivor ends the backend that outlived its keepone, with all its
// descendants, and what else of former backends is proved. Nobody is an outcome,
// too. While it lasts no keepone can begin, and none may run.
func endSurvivor(t target) error {
	lock, err := single.Lock(t.lock())
	switch {
	case errors.Is(err, fs.ErrNotExist): // no run directory: nothing was ever left in it
		return nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		return command.Fail(command.Failed, "keepone stop-backend "+t.name, fmt.Errorf("cannot end a survivor of %s: keepone runs: %w", t.name, err))
	case err != nil:
		return fmt.Errorf("cannot end a survivor of %s: %w", t.name, err)
	}
	defer lock.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	spawner, patience := survivorSpawner(t)
	go spawner.Reaper.Run(ctx)
	left := leftBy(t)
	defer left.close()
	if left.backend >= 0 {
		p, err := spawner.Adopt(left.state.Backend.PID, left.backend)
		if err != nil {
			return err
		}
		left.backend = -1 // it is the process' now
		if err := endTree(p, patience); err != nil {
			return err
		}
	}
	if pids := spawner.EndFormer(); len(pids) > 0 {
		list := strings.Trim(fmt.Sprint(pids), "[]")
		return command.Fail(command.Failed, "end them with: kill -9 "+list, fmt.Errorf("cannot end all that is left of %s: processes %s still live", t.name, list))
	}
	return nil
}

// endTree asks the process to exit, ends its tree when it does not in time, and
// returns when nobody of it is left.
func endTree(p *process.Process, patience time.Duration) error {
	err := p.Terminate()
	select {
	case <-p.Exited():
	case <-time.After(patience):
		err = p.Kill()
		<-p.Exited()
	}
	p.Close()
	return err
}

// survivorSpawner knows the backends of the target, also where its configuration
// cannot be read any more, and how long one may take to exit.
func survivorSpawner(t target) (*process.Spawner, time.Duration) {
	s := &process.Spawner{
		Reaper: process.NewReaper(), Name: t.name, Lock: t.backendLock(), Stop: unix.SIGTERM, User: -1,
		Log: func(format string, args ...any) { fmt.Fprintf(os.Stderr, "keepone: "+format+"\n", args...) },
	}
	// No error matters: then there is nothing to find them by.
	s.Mark, _ = process.Mark(t.runDir)
	if group, err := process.OwnGroup(); err == nil && filepath.Base(group) == ".control" {
		s.Group = filepath.Dir(group) // systemd runs ExecStopPost= beside keepone's own cgroup
	}
	c, err := config.Load(t.file, defaults(t))
	if err != nil {
		return s, survivorPatience
	}
	s.Stop = c.Stop.Signal
	if uid, _, _, err := c.Credentials(); err == nil {
		s.User = uid
	}
	return s, min(c.Stop.Timeout, survivorPatience)
}
