package main

import (
	"time"

	"keepone/config"
	"keepone/rss"
	"keepone/supervise"

	"golang.org/x/sys/unix"
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

// newScale goes on with what a former keepone noted of a backend that lives.
func (s *site) newScale(left *legacy) *rss.Scale {
	scale := rss.NewScale(s.memoryLimits())
	if err := scale.Keep(s.weight(), left.backend >= 0); err != nil {
		s.log("warning: %v", err)
	}
	return scale
}

// memoryLimits is those in force, in bytes.
func (s *site) memoryLimits() rss.Limits {
	m, all := s.config().Memory, room()
	return rss.Limits{Soft: m.Soft.Of(all), Hard: m.Hard.Of(all), N: softN, M: softM, MinLife: m.MinLife, Every: m.Sample}
}

// room is the memory that there is, in bytes.
func room() uint64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return uint64(info.Totalram) * uint64(info.Unit)
}

func (s *site) weigh(pids []int, lived time.Duration) supervise.Weight {
	w := s.scale.Weigh(pids, lived)
	return supervise.Weight{RSS: w.RSS, Swap: w.Swap, Soft: w.Soft, Hard: w.Hard, Steep: w.Steep, Fits: w.Fits}
}
