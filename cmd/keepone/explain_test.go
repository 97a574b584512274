package main

import (
	"strings"
	"testing"

	"keepone/config"
)

func TestOddLimits(t *testing.T) {
	c := config.Command("x", []string{"x"}, config.Defaults{})
	for _, l := range []struct {
		soft, hard config.Amount
		want       string
	}{
		{config.Amount{}, config.Amount{}, ""},
		{config.Amount{Percent: 10}, config.Amount{Percent: 20}, ""},
		{config.Amount{Bytes: 1 << 20}, config.Amount{Percent: 90}, ""},
		{config.Amount{Percent: 90}, config.Amount{Bytes: 1 << 20}, "is not below memory.hard"},
		{config.Amount{Bytes: 1 << 60}, config.Amount{}, "will never be passed"},
	} {
		c.Memory.Soft, c.Memory.Hard = l.soft, l.hard
		if got := oddLimits(c, 1<<30); got != "" && l.want == "" || !strings.Contains(got, l.want) {
			t.Errorf("%v and %v: %q", l.soft, l.hard, got)
		}
	}
}
