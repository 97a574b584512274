package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"keepone/cgroup"
	"keepone/process"
	"keepone/supervise"
)

const (
	systemctlTimeout = 30 * time.Second // systemd may have much to do at boot
	wallPause        = time.Minute      // after systemd could not do it
)

// A wallReport is what the memory cgroup of the unit allows and has seen.
type wallReport struct {
	High    uint64 `json:"high_bytes,omitempty"` // above this whoever allocates is slowed down; keepone sets none
	Max     uint64 `json:"max_bytes,omitempty"`  // above this the kernel kills
	Slowed  uint64 `json:"slowed_total"`
	OOMKill uint64 `json:"oom_kills_total"`
}

// wallFor is the hard limit that the unit's wall is to be for, in bytes; 0 is
// none. It stays what it was until a backend has settled: one that needs more
// than it is allowed is not to be killed for that, so the wall is for what
// would fit, and gone when the kernel has killed at it. Nor is it put up below
// a backend that is about to be restarted, with its requests finished.
func (g *gauge) wallFor(hard uint64, settled bool, fits uint64) (changed bool) {
	want := max(hard, fits)
	if hard == 0 {
		want = 0
	} else if !settled || g.size > want {
		return false
	}
	changed = want != g.walled || !g.judged
	g.walled, g.judged = want, true
	return changed
}

// keepWall keeps the last wall where it is wanted: the memory.max of the unit,
// by systemd. It looks when it is told to.
func (s *site) keepWall(ctx context.Context) {
	group, err := cgroup.Own()
	if err != nil || group.Unit == "" {
		return // no cgroup of ours to be had: keepone's own sampling is all there is
	}
	var again <-chan time.Time
	for {
		if err := s.moveWall(ctx, group); err != nil && ctx.Err() == nil {
			s.log("warning: the memory wall around %s is not where it should be: %v", group.Unit, err)
			again = time.After(wallPause)
		}
		select {
		case <-s.walls:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// moveWall puts the wall where it belongs now, or takes it away. What was there
// before it, an administrator's limit, is in a file that lasts as long as the
// wall does: until the next boot. Without that file, what stands there is an
// operator's, and left alone.
func (s *site) moveWall(ctx context.Context, group cgroup.Group) error {
	var want uint64
	var known bool
	if err := s.loop.Reconfigure(ctx, func(*supervise.Config) { want, known = s.gauge.walled, s.gauge.judged }); err != nil {
		return err
	}
	before, ours := wallBefore(s.target)
	switch {
	case !known || !ours && (want == 0 || group.Walled()):
		return s.reportWall(ctx, group)
	case want == 0:
		argv, err := group.Unset()
		if err == nil {
			err = s.system(ctx, argv)
		}
		if err != nil {
			return err
		}
		return errors.Join(os.Remove(s.wall()), s.reportWall(ctx, group))
	case !ours:
		_, before = group.Limits()
		if err := os.WriteFile(s.wall(), []byte(fmt.Sprintln(before)), 0o644); err != nil {
			return err
		}
	}
	if most := min(cgroup.Wall(want), before); !group.Fits(most) {
		if err := s.system(ctx, group.Set(most)); err != nil {
			return err
		}
		s.log("the last wall around %s: MemoryMax=%s", group.Unit, size(most))
	}
	return s.reportWall(ctx, group)
}

// wallBefore is the memory.max of the unit before keepone's own, in bytes, and
// whether there is one of keepone's.
func wallBefore(t target) (bytes uint64, ours bool) {
	text, err := os.ReadFile(t.wall())
	if err != nil {
		return cgroup.None, false
	}
	if _, err := fmt.Sscan(strings.TrimSpace(string(text)), &bytes); err != nil {
		return cgroup.None, true
	}
	return bytes, true
}

// room is the memory that there is, in bytes; 0 where nobody tells.
func room(t target) uint64 {
	before, ours := wallBefore(t)
	bytes, err := cgroup.Room("", ours)
	if err != nil {
		return 0
	}
	return min(bytes, before)
}

// reportWall is what status says.
func (s *site) reportWall(ctx context.Context, group cgroup.Group) error {
	high, most := group.Limits()
	return s.loop.Reconfigure(ctx, func(*supervise.Config) {
		report := wallReport{}
		if was := s.gauge.wall.Load(); was != nil {
			report = *was
		}
		report.High, report.Max = 0, 0
		if high != cgroup.None {
			report.High = high
		}
		if most != cgroup.None {
			report.Max = most
		}
		s.gauge.wall.Store(&report)
	})
}

// system runs a command of the host's as keepone itself.
func (s *site) system(ctx context.Context, argv []string) error {
	spec := process.Spec{Argv: argv, Env: os.Environ(), Dir: "/", UID: -1, GID: -1, Umask: 0o022}
	var done <-chan error
	if err := s.loop.Reconfigure(ctx, func(*supervise.Config) { done = s.spawner.Check(ctx, spec, systemctlTimeout) }); err != nil {
		return err
	}
	return <-done
}

// tellWall is for the loop: the wall may have to move.
func (s *site) tellWall() {
	select {
	case s.walls <- struct{}{}:
	default: // it will look anyway
	}
}
