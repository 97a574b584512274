package main

import (
	"path/filepath"
	"time"

	"keepone/config"
	"keepone/rss"
)

const (
	softN = 3 // of the latest softM samples make a soft limit passed
	softM = 5
)

// pace is how often everything is looked at: as the memory is to be, and as
// often as what else is wanted demands.
func pace(c *config.Config) time.Duration {
	every := c.Memory.Sample
	demand := func(d time.Duration) {
		if every == 0 || d < every {
			every = d
		}
	}
	if c.Hang.Timeout > 0 { // package hang wants to look so often
		demand(min(c.Hang.Timeout/8, 15*time.Second))
	}
	if c.Health.Interval > 0 && every == 0 {
		demand(c.Health.Interval)
	}
	if c.Unavailable.Wait > 0 && every == 0 {
		demand(max(time.Second, c.Unavailable.Wait/4))
	}
	return every
}

// memoryLimits is those in force, in bytes.
func (s *site) memoryLimits() rss.Limits {
	m, all := s.config().Memory, s.config().room
	return rss.Limits{Soft: m.Soft.Of(all), Hard: m.Hard.Of(all), N: softN, M: softM, MinLife: m.MinLife, Every: m.Sample}
}

// hardLimit is what the unit's wall is for: 0 where nothing is to be done about
// memory, or nothing in the cgroup.
func (s *site) hardLimit() uint64 {
	m := s.config().Memory
	if m.Action != "restart" || m.Cgroup == "off" {
		return 0
	}
	return m.Hard.Of(s.config().room)
}

// stateDir is where root keeps what is to outlive a reboot: file-hierarchy(7).
const stateDir = "/var/lib/keepone"

// savedHistory is the default of memory.history. A run directory below /run does
// not outlive a reboot; any other has it beside it, and so has that of an
// ordinary user in a container.
func (t target) savedHistory() string {
	if filepath.Dir(t.runDir) == config.SystemRunBase && isRoot() {
		return filepath.Join(stateDir, t.name+".history")
	}
	return t.runDir + ".history"
}
