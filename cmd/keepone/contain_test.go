package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepone/command"
)

// Only process 1 is in a hurry by itself, and what was said counts.
func TestStopWithin(t *testing.T) {
	for _, c := range []struct {
		args         string
		first, other time.Duration
	}{
		{"", 9 * time.Second, 0},
		{"--stop-within 0s", 0, 0},
		{"--stop-within 29s", 29 * time.Second, 29 * time.Second},
	} {
		_, _, r, err := runArguments(append(strings.Fields(c.args), "-n", "x"))
		if err != nil || r.within(true) != c.first || r.within(false) != c.other {
			t.Errorf("%q: %s, %s, %v", c.args, r.within(true), r.within(false), err)
		}
	}
	for _, args := range []string{"--stop-within 1ms", "--give-up-after -1"} {
		_, _, _, err := runArguments(append(strings.Fields(args), "-n", "x"))
		if f := new(command.Failure); !errors.As(err, &f) || f.Code != command.Misuse {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// SIGQUIT stops process 1, and makes any other say what it does.
func TestCaughtSignals(t *testing.T) {
	for first, want := range map[bool]bool{true: true, false: false} {
		if got := slices.Contains(catching(first), os.Signal(syscall.SIGQUIT)); got != want {
			t.Errorf("first %v: %v", first, got)
		}
	}
}

// A probe knows 0 and 1 only, whatever is wrong.
func TestProbesFailWithOne(t *testing.T) {
	for _, args := range [][]string{{"status", "--ready", "-n", "no/name"}, {"status", "--live", "--run-dir", t.TempDir(), "-n", "x"}} {
		root := commands()
		root.SetArgs(args)
		if f := new(command.Failure); !errors.As(root.Execute(), &f) || f.Code != 1 {
			t.Errorf("%q: %v", args, f)
		}
	}
	for state, want := range map[string]bool{"up": true, "draining": true, "starting": false, "restarting": false, "backoff": false, "down": false, "closing": false} {
		if r := (statusReport{State: state}); r.serves() != want {
			t.Errorf("%s: %v", state, !want)
		}
	}
}
