package main

import (
	"regexp"
	"testing"
)

// One line, as a monitoring system parses it.
var pluginLine = regexp.MustCompile(`^KEEPONE (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]*( \|( [a-z]+=[0-9]+[Bc]?(;[0-9]*){4})+)?$`)

func TestNagios(t *testing.T) {
	for code, reports := range map[int][]statusReport{
		pluginOK: {{State: "up"}, {State: "draining"}, {State: "restarting"}, {State: "starting"}, {State: "up", Memory: memoryReport{Soft: 1, Hard: 2, Room: 3}}},
		pluginWarning: {
			{State: "up", Health: "status 500\nor | so"}, {State: "up", Memory: memoryReport{Postponed: "no"}}, {State: "up", Memory: memoryReport{Over: true}},
			{State: "up", Memory: memoryReport{Fits: 1 << 20}}, {State: "starting", Failures: 1},
		},
		pluginCritical: {{State: "backoff", Why: "a\nb"}, {State: "blocked"}, {State: "down"}, {State: "up", InTheWay: "x"}},
	} {
		for _, r := range reports {
			r.Name = "web2py"
			line, got := r.nagios()
			if got != code || !pluginLine.MatchString(line) {
				t.Errorf("%+v: %d, %s", r, got, line)
			}
		}
	}
}
