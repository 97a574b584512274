package main

import (
	"context"
	"strings"
	"time"

	"keepone/config"
	"keepone/supervise"
)

// A Go process that has collected garbage once never becomes as small again as
// it was: after some dozen restarts keepone would stay above the web server. So
// it begins anew, by the way of an upgrade in place, with the program that it
// is and the configuration that is in force.
const (
	heavy      = 1536 << 10       // bytes that are no file's, at rest
	heavier    = 96 << 10         // than at its lightest, so that it is worth while
	firstSlim  = time.Minute      // after keepone was started; the next pauses double
	latestSlim = 15 * time.Minute // up to this
)

// tooHeavy is told what is left after memory was given back.
func (s *site) tooHeavy(anonymous uint64) {
	if s.lightest == 0 || anonymous < s.lightest {
		s.lightest = anonymous
	}
	if anonymous < max(heavy, s.lightest+heavier) {
		return
	}
	select {
	case s.fat <- struct{}{}:
	default: // it is known
	}
}

// slim waits for a moment at which nothing is under way. Where it does not work
// out, keepone stays as it is.
func (s *site) slim(ctx context.Context) {
	pause := min(firstSlim<<min(s.slims, 10), latestSlim)
	for began := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-s.fat:
		}
		if time.Since(began) < pause {
			continue // there will be another look
		}
		err := s.whenQuiet(ctx, func(st supervise.Status) error {
			if st.State != supervise.Up && st.State != supervise.Down {
				return nil // a crash loop is followed as it is
			}
			e := s.estate(st)
			var text strings.Builder
			if err := s.config().Print(&text, true); err != nil {
				return err
			}
			e.Config, e.File, e.Slims = text.String(), s.config().File, s.slims+1
			return s.replace("/proc/self/exe", e)
		})
		if err != nil && ctx.Err() == nil {
			s.log("cannot begin anew to be smaller: %v", err)
			began = time.Now()
		}
	}
}

// configOf is the configuration in force that an estate goes on with, else what
// load reads.
func configOf(e *estate, t target, load func() (*config.Config, error)) (*config.Config, error) {
	if e == nil || e.Config == "" {
		return load()
	}
	c, err := config.Parse(t.name+".toml", []byte(e.Config), defaults(t))
	if err == nil {
		c.File = e.File
	}
	return c, err
}
