package main

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"keepone/config"
	"keepone/process"
	"keepone/resident"
	"keepone/supervise"
)

func (s *site) newSpawner() *process.Spawner {
	group, err := process.OwnGroup()
	if err != nil {
		s.log("following the backend's processes through /proc: %v", err)
	}
	mark, err := process.Mark(s.runDir)
	if err != nil {
		s.log("warning: %v", err)
	}
	return &process.Spawner{
		Reaper: process.NewReaper(), Name: s.name, Group: group, Mark: mark, Lock: s.backendLock(),
		Stop: s.config().Stop.Signal, User: -1, Env: resident.Env(), Log: s.log,
	}
}

func (s *site) spawn(on supervise.Socket, hold bool) (supervise.Backend, error) {
	spec, err := s.spec(s.config().Backend.Command)
	if err != nil {
		return nil, err
	}
	l := on.(listener)
	s.fit(l)
	cleared, err := l.Blocking()
	if err := errors.Join(err, unix.SetNonblock(int(s.output.Writer().Fd()), false)); err != nil {
		return nil, err // both are shared with the former backend, which may have changed them
	}
	if cleared {
		c := *s.cured.Load()
		c.Blocking++
		s.cured.Store(&c)
	}
	spec.Generation = l.Generation()
	s.spawner.Stop, s.spawner.User = s.config().Stop.Signal, spec.UID // a reload may have changed them
	spec.Handoff, spec.Lock = process.Handoff(s.config().Backend.Handoff), s.backendLock()
	inUse := ""
	if s.inUse && !hold && !l.Published() { // one that is held is published before it has the word
		inUse = *s.inTheWay.Load()
	}
	if spec.Search, err = s.searchSpec(inUse); err != nil {
		return nil, err
	}
	p, err := s.spawner.Spawn(spec, process.Ends{Socket: l.Fd(), Output: s.output.Writer()}, true)
	if err != nil {
		return nil, err
	}
	clear(s.identified)
	s.made[p.PID()] = s.config()
	return s.newBackend(p, false), nil
}

// fit has a socket follow a configuration that is newer than it: a backend that
// died, or had accepted nothing yet, leaves its socket to the next one.
func (s *site) fit(l listener) {
	if s.fixed || s.bound.Load() == s.config() {
		return
	}
	options, err := s.socketOptions()
	if err == nil {
		err = l.Fit(options)
	}
	if err != nil {
		s.log("warning: %v", err) // better served as before than not at all
	}
}

// check runs before a planned restart. With a rival there the old backend would
// end and no other could follow.
func (s *site) check(ctx context.Context) <-chan error {
	done, checked := make(chan error, 1), s.checkProgram(ctx)
	go func() {
		err := <-checked
		if err == nil {
			err = s.noRivals(ctx)
		}
		done <- err
	}()
	return done
}

// checkProgram: a program that is not there is the cheapest of all mistakes, and
// backend.check is the operator's own.
func (s *site) checkProgram(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	c := s.config()
	if err := c.Runnable(); err != nil {
		done <- err
		return done
	}
	if len(c.Backend.Check) == 0 {
		done <- nil
		return done
	}
	spec, err := s.spec(c.Backend.Check)
	if err != nil {
		done <- err
		return done
	}
	return s.spawner.Check(ctx, spec, c.Backend.CheckTimeout)
}

// spec is read anew for every spawn: a changed .env is in the next backend.
func (s *site) spec(argv []string) (process.Spec, error) {
	spec, err := specOf(s.config().Config, argv)
	if err == nil && s.notify.Load() != nil {
		spec.Env = append(spec.Env, "NOTIFY_SOCKET="+s.notifySocket())
	}
	return spec, err
}

// specOf is what a program is run with, be it the backend, a check or a job.
func specOf(c *config.Config, argv []string) (process.Spec, error) {
	env, err := c.Environ()
	if err != nil {
		return process.Spec{}, err
	}
	uid, gid, groups, err := c.Credentials()
	if err != nil {
		return process.Spec{}, err
	}
	return process.Spec{
		Argv: argv, Env: env, Dir: c.Backend.Directory,
		UID: uid, GID: gid, Groups: groups, Umask: int(c.Backend.Umask),
		Limits: limits(c.Limits), Nice: c.Limits.Nice, OOMScoreAdj: c.Limits.OOMScoreAdj, Frugal: c.Memory.Frugal,
	}, nil
}
