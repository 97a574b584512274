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
	supervise.Starved: "memory", supervise.Rival: "blocked", supervise.Loop: "backoff", supervise.Refused: "check failed",
}

// alerts are what there is to tell. They belong to the loop.
type alerts struct {
	next    time.Time      // nobody is told before
	waiting supervise.Kind // the latest that was too early; empty for none
	text    string         // of that
}

// alert runs alert.command, at once or, when that was a short time ago, for the
// latest of what happened when the minute is over.
func (s *site) alert(kind supervise.Kind, text string) {
	if troubles[kind] == "" || len(s.config().Alert.Command) == 0 {
		return
	}
	waits := s.alerts.waiting != ""
	s.alerts.waiting, s.alerts.text = kind, text
	now := time.Now()
	if !now.Before(s.alerts.next) {
		s.tell(now)
	} else if !waits {
		time.AfterFunc(s.alerts.next.Sub(now), func() {
			s.loop.Reconfigure(context.Background(), func(*supervise.Config) { s.tell(time.Now()) }) // fails when keepone has ended
		})
	}
}

// tell runs the command, as the backend's user.
func (s *site) tell(now time.Time) {
	kind, argv := s.alerts.waiting, s.config().Alert.Command
	if kind == "" || len(argv) == 0 {
		return
	}
	s.alerts.waiting, s.alerts.next = "", now.Add(alertEvery)
	spec, err := s.spec(argv)
	if err != nil {
		s.log("cannot run alert.command: %v", err)
		return
	}
	spec.Env = append(spec.Env, "KEEPONE_NAME="+s.name, "KEEPONE_EVENT="+s.alerts.text, "KEEPONE_REASON="+troubles[kind])
	done := s.spawner.Check(context.Background(), spec, alertTimeout)
	go func() {
		if err := <-done; err != nil {
			s.log("alert.command: %v", err)
		}
	}()
}
