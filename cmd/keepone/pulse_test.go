package main

import (
	"strings"
	"testing"

	"keepone/supervise"
)

// Each line is an assignment, see sd_notify(3): a reason makes none.
func TestStatusTextIsOneLine(t *testing.T) {
	got := statusText(&supervise.Status{State: supervise.Backoff, Why: "cannot spawn\nMAINPID=1"})
	if strings.Contains(got, "\n") || !strings.HasPrefix(got, "STATUS=backoff: cannot spawn") {
		t.Errorf("%q", got)
	}
}
