package main

import (
	"context"
	"time"

	"keepone/supervise"
)

const (
	alertEvery   = time.Minute // at most
	alertTimeout = time.Minute // for the command
)

// troubles are the kinds of events that somebody is told of, by the word for it.
var troubles = map[supervise.Kind]string{
	supervise.Limit: "memory", supervise.Warning: "memory", supervise.Crash: "crash", supervise.Hang: "hung",
	supervise.Starved: "memory", supervise.Rival: "blocked", supervise.Beside: "rival", supervise.Loop: "backoff", supervise.Refused: "check failed",
}

// alerts are what there is to tell. They belong to the loop, and go into an
// estate.
type alerts struct {
	Next    time.Time      `json:"next"`    // nobody is told before
	Waiting supervise.Kind `json:"waiting"` // the latest that was too early; empty for none
	Text    string         `json:"text"`    // of that
}

// alert runs alert.command, at once or, when that was a short time ago, for the
// latest of what happened when the minute is over.
func (s *site) alert(kind supervise.Kind, text string) {
	if troubles[kind] == "" || len(s.config().Alert.Command) == 0 {
		return
	}
	waits := s.alerts.Waiting != ""
	s.alerts.Waiting, s.alerts.Text = kind, text
	now := time.Now()
	if !now.Before(s.alerts.Next) {
		s.tell(now)
	} else if !waits {
		s.tellLater(now)
	}
}

// tellLater is for what came too early, and for what a former program left.
func (s *site) tellLater(now time.Time) {
	time.AfterFunc(s.alerts.Next.Sub(now), func() {
		s.loop.Reconfigure(context.Background(), func(*supervise.Config) { s.tell(time.Now()) }) // fails when keepone has ended
	})
}

// tell runs the command, as the backend's user.
func (s *site) tell(now time.Time) {
	kind, argv := s.alerts.Waiting, s.config().Alert.Command
	if kind == "" || len(argv) == 0 {
		return
	}
	s.alerts.Waiting, s.alerts.Next = "", now.Add(alertEvery)
	spec, err := s.spec(argv)
	if err != nil {
		s.log("cannot run alert.command: %v", err)
		return
	}
	spec.Env = append(spec.Env, "KEEPONE_NAME="+s.name, "KEEPONE_EVENT="+s.alerts.Text, "KEEPONE_REASON="+troubles[kind])
	done := s.spawner.Check(context.Background(), spec, alertTimeout)
	go func() {
		if err := <-done; err != nil {
			s.log("alert.command: %v", err)
		}
	}()
}
