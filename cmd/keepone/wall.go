package main

import (
	"context"
	"errors"
	"os"
	"time"

	"keepone/cgroup"
	"keepone/process"
	"keepone/supervise"
)

// systemctlTimeout is for one command; systemd may have much to do at boot.
const systemctlTimeout = 30 * time.Second

// raiseWalls keeps the last wall where the configuration wants it: a hard limit
// on the unit's own memory cgroup, by systemd. It looks when it is told that
// the limits may have changed.
func (s *site) raiseWalls(ctx context.Context) {
	group, err := cgroup.Own()
	if err != nil || group.Unit == "" {
		return // no cgroup of ours to be had: keepone's own sampling is all there is
	}
	for {
		if err := s.raiseWall(ctx, group); err != nil && ctx.Err() == nil {
			s.log("warning: no memory wall around %s: %v", group.Unit, err)
		}
		select {
		case <-s.walls:
		case <-ctx.Done():
			return
		}
	}
}

// raiseWall puts the wall where it belongs now, or takes ours away. What stands
// there otherwise is an operator's. That it is ours is a file in the run
// directory, which lasts as long as such a limit: until the next boot.
func (s *site) raiseWall(ctx context.Context, group cgroup.Group) error {
	high, most, err := s.wanted(ctx)
	if err != nil {
		return err
	}
	if high == cgroup.None && !exists(s.wall()) {
		return s.reportWall(ctx, group)
	}
	if err := os.WriteFile(s.wall(), nil, 0o600); err != nil {
		return err
	}
	if group.Walled() && !group.Fits(high, most) {
		argv, err := group.Unset()
		if err == nil {
			err = s.system(ctx, argv)
		}
		if err != nil {
			return err
		}
	}
	if high == cgroup.None {
		return errors.Join(os.Remove(s.wall()), s.reportWall(ctx, group))
	}
	if nearHigh, nearMax, news := group.Nearer(high, most); news {
		if err := s.system(ctx, group.Set(nearHigh, nearMax)); err != nil {
			return err
		}
		s.log("the last wall around %s: MemoryHigh=%s, MemoryMax=%s", group.Unit, size(nearHigh), size(nearMax))
	}
	return s.reportWall(ctx, group)
}

// wanted is the wall that the limits ask for. Where they are too small for the
// backend it is farther away: else the backend would stand still.
func (s *site) wanted(ctx context.Context) (high, most uint64, err error) {
	var fits uint64
	err = s.loop.Reconfigure(ctx, func(*supervise.Config) { fits = s.gauge.fits })
	m := s.config().Memory
	hard := m.Hard.Of(s.config().room)
	if hard == 0 || m.Action != "restart" || m.Cgroup == "off" {
		return cgroup.None, cgroup.None, err
	}
	high, most = cgroup.Wall(max(hard, fits+fits/4))
	return high, most, err
}

// reportWall is what status says.
func (s *site) reportWall(ctx context.Context, group cgroup.Group) error {
	nowHigh, nowMax := group.Limits()
	report := wallReport{}
	if nowHigh != cgroup.None {
		report.High = nowHigh
	}
	if nowMax != cgroup.None {
		report.Max = nowMax
	}
	return s.loop.Reconfigure(ctx, func(*supervise.Config) {
		if was := s.gauge.wall.Load(); was != nil {
			report.Slowed, report.OOMKill = was.Slowed, was.OOMKill
		}
		s.gauge.wall.Store(&report)
	})
}

// system runs a command of the host's as keepone itself.
func (s *site) system(ctx context.Context, argv []string) error {
	if len(argv) == 0 {
		return errors.New("no command")
	}
	spec := process.Spec{Argv: argv, Env: os.Environ(), Dir: "/", UID: -1, GID: -1, Umask: 0o022}
	var done <-chan error
	if err := s.loop.Reconfigure(ctx, func(*supervise.Config) { done = s.spawner.Check(ctx, spec, systemctlTimeout) }); err != nil {
		return err
	}
	return <-done
}

// wallsChanged is told when the limits may be others.
func (s *site) wallsChanged() {
	select {
	case s.walls <- struct{}{}:
	default: // it will look anyway
	}
}
