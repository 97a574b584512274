package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"keepone/command"
	"keepone/supervise"
)

// What is different where keepone is process 1: in a container, as a rule.
const (
	containerStop = 9 * time.Second        // docker stop kills after 10
	lastDeeds     = 500 * time.Millisecond // of a stop: what keepone does when the backend is gone
	leastStop     = 2 * lastDeeds
)

func isFirst() bool { return os.Getpid() == 1 }

// caughtSignals are told to the resident and end nothing by themselves. Images
// made for php-fpm or nginx have SIGQUIT sent to process 1 for a stop; elsewhere
// that is how a Go program is asked what it does.
var caughtSignals = catching(isFirst())

func catching(first bool) []os.Signal {
	all := []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1}
	if first {
		all = append(all, syscall.SIGQUIT)
	}
	return all
}

// A tenure is how long keepone itself goes on, from the flags of run.
type tenure struct {
	stopWithin time.Duration // from the stop signal to our exit; negative where it was not said
	giveUp     int           // after so many failures in a row; 0 for never
}

func (n *tenure) flags(f *pflag.FlagSet) {
	f.DurationVar(&n.stopWithin, "stop-within", -1, "on SIGTERM, be gone within this `time`: drain and stop timeout are cut to fit, 0s is as configured (default 9s as process 1, else 0s)")
	f.Lookup("stop-within").DefValue = "0s" // so that no other one is printed
	f.IntVar(&n.giveUp, "give-up-after", 0, "end with exit status 1 after `N` failures of the backend in a row, at once where its program is not there (default never)")
}

func (n *tenure) check() error {
	switch {
	case n.stopWithin > 0 && n.stopWithin < leastStop:
		return command.Misused("for instance: --stop-within 9s", "cannot run: --stop-within %s is too short, %s is the least", n.stopWithin, leastStop)
	case n.giveUp < 0:
		return command.Misused("for instance: --give-up-after 5", "cannot run: --give-up-after %d is no number of failures", n.giveUp)
	}
	return nil
}

// within is the time for a whole stop; 0 for as long as the configuration says.
func (n *tenure) within(first bool) time.Duration {
	if n.stopWithin < 0 && first {
		return containerStop
	}
	return max(0, n.stopWithin)
}

// leaveWithin is what the loop has of it.
func (n *tenure) leaveWithin() time.Duration { return max(0, n.within(isFirst())-lastDeeds) }

// explainStop says what becomes of configured times that do not fit.
func (s *site) explainStop() {
	drain, stop, within := s.config().Drain.Timeout, s.config().Stop.Timeout, s.tenure.within(isFirst())
	if within == 0 || drain+stop+lastDeeds <= within {
		return
	}
	s.log("a stop takes %s at most, so less than drain.timeout (%s) and stop.timeout (%s); run --stop-within says otherwise", within, drain, stop)
}

// beyondRepair ends keepone where that was asked for and no further attempt is
// likely to help. It is called by the loop after every move.
func (s *site) beyondRepair(st *supervise.Status) {
	failed := st.Failures > 0 && (st.State == supervise.Backoff || st.State == supervise.Restarting) // the latter: it was not ready in time
	if s.tenure.giveUp == 0 || s.gaveUp != nil || !failed {
		return
	}
	why := fmt.Errorf("the backend failed %d times in a row, at last: %s", st.Failures, st.Why)
	if missing := s.config().Runnable(); missing != nil {
		why = missing
	} else if st.Failures < s.tenure.giveUp {
		return
	}
	s.gaveUp = fmt.Errorf("cannot keep %s running: %w", s.name, why)
	s.log("giving up, as run --give-up-after %d says", s.tenure.giveUp)
	s.leave()
}

// outcome is what run returns in the end.
func (s *site) outcome(closed error) error { return errors.Join(s.gaveUp, closed) }
