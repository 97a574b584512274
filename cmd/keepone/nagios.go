package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"keepone/command"
	"strings"
)

// The states of a monitoring plugin and its exit codes: the Monitoring Plugins
// Development Guidelines, "Plugin Return Codes".
const (
	pluginOK = iota
	pluginWarning
	pluginCritical
	pluginUnknown
)

var pluginWords = [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}

// plugin judges for a monitoring system: critical is a site that nobody serves,
// a warning what an operator should look at by day.
func (r *statusReport) plugin() (code int, why string) {
	m := r.Memory
	switch {
	case r.State == "down" && r.Job != 0:
		return pluginWarning, r.line()
	case r.State == "down" || r.State == "blocked" || r.State == "backoff" || r.State == "stopping" || r.State == "closing":
		return pluginCritical, r.line()
	case r.InTheWay != "":
		return pluginCritical, "visitors do not find us: " + r.InTheWay
	case len(r.Rivals) > 0:
		return pluginWarning, "another interpreter runs: " + describeRivals(r.Rivals)
	case r.Health != "":
		return pluginWarning, "the latest probe failed: " + r.Health
	case m.Postponed != "":
		return pluginWarning, "a restart for memory is put off: " + m.Postponed
	case m.Over:
		return pluginWarning, "over the memory limit"
	case m.Fits > 0:
		return pluginWarning, "the memory limit is too small, " + size(m.Fits) + " would fit"
	case m.Soft > 0 && r.Backend.RSS+r.Backend.Swap > m.Soft:
		return pluginWarning, "over the soft memory limit"
	case r.Failures > 0:
		return pluginWarning, r.line() + ", after a failure"
	}
	return pluginOK, r.line()
}

// nagios is one line: the judgement and the performance data,
// label=value[unit];warn;crit;min;max.
func (r *statusReport) nagios() (line string, code int) {
	code, why := r.plugin()
	bound := func(n uint64) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	data := fmt.Sprintf("memory=%dB;%s;;0;%d keepone=%dB;;;0; pending=%d;;;0;%d active=%d;;;0; restarts=%dc;;;0;",
		r.Backend.RSS+r.Backend.Swap, bound(cmp.Or(r.Memory.Soft, r.Memory.Hard)), r.Memory.Room,
		r.Supervisor.RSS, r.Queue.Pending, r.Queue.Backlog, r.Queue.Active, r.Restarts.Total)
	return fmt.Sprintf("KEEPONE %s - %s: %s | %s", pluginWords[code], r.Name, oneLine(why), data), code
}

// oneLine is text without what would end the line or begin the performance data.
func oneLine(text string) string {
	return strings.NewReplacer("\n", "; ", "|", "/").Replace(text)
}

// pluginOf is keepone status --nagios, of what the arguments meant. Whatever
// goes wrong, there is a line.
func pluginOf(t target, err error) error {
	if err != nil {
		fmt.Println("KEEPONE UNKNOWN - " + oneLine(err.Error()))
		return command.Silent(pluginUnknown)
	}
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	r, err := askStatus(ctx, t)
	line, code := r.nagios()
	if err != nil {
		code = pluginCritical
		if f := new(command.Failure); errors.As(notRunning(t, err), &f) && f.Code == lsbUnknown {
			code = pluginUnknown
		}
		line = fmt.Sprintf("KEEPONE %s - %s", pluginWords[code], oneLine(notRunning(t, err).Error()))
	}
	if _, err := fmt.Println(line); err != nil || code == pluginOK {
		return err
	}
	return command.Silent(code)
}
