package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"keepone/config"
)

// text is what keepone status prints for people.
func (r *statusReport) text() string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s"+format+"\n", append([]any{name}, args...)...)
	}
	fmt.Fprintf(&b, "%s: %s\n", r.Name, r.line())
	if r.Backend.PID != 0 {
		adopted := ""
		if r.Backend.Adopted {
			adopted = ", adopted"
		}
		row("backend", "%s, pid %d, user %s, for %s%s", r.Backend.Command, r.Backend.PID, r.Backend.User, duration(r.Backend.Uptime), adopted)
		r.memory(row)
	}
	for _, other := range r.Rivals {
		row("rival", "%s", other)
		if r.State == "blocked" && other.AtPath && !isWebServer(other) {
			row("", "move the site over without losing a request: keepone start-backend --take-over %s", r.Name)
		}
	}
	r.visitors(row)
	if last := r.Restarts.Last; r.Restarts.Total > 0 {
		row("restarts", "%d, the last %s ago: %s (%s)", r.Restarts.Total, duration(last.Ago), last.Reason, last.Exit)
	} else {
		row("restarts", "none")
	}
	row("output", "%s", r.Output)
	row("keepone", "%s, pid %d, version %s", size(r.Supervisor.RSS), r.Supervisor.PID, r.Version)
	r.footprint(row)
	b.WriteString(r.notes())
	return b.String()
}

// visitors is what is known of those who come, and of the socket they find.
func (r *statusReport) visitors(row func(name, format string, args ...any)) {
	row("queue", "%d pending (%d at most), %d active, backlog %d", r.Queue.Pending, r.HighWater, r.Queue.Active, r.Queue.Backlog)
	if r.InTheWay != "" && (r.State != "blocked" || len(r.Rivals) == 0) {
		row("", "visitors do not find us: %s", r.InTheWay)
	}
	if c := r.Cures; c != (cures{}) {
		row("", "cured so far: %d times the path, %d the backlog, %d O_NONBLOCK; %d times by another generation", c.Path, c.Backlog, c.Blocking, c.Replaced)
	}
	if r.Excusing {
		row("", "nobody serves: those who wait get status 503")
	}
	if r.Health != "" {
		row("health", "%s", r.Health)
	}
	whose := ""
	if r.Socket.Mode != "" {
		whose = fmt.Sprintf(" %s:%s %s", r.Socket.Owner, r.Socket.Group, r.Socket.Mode)
	}
	row("socket", "%s%s, generation %d", r.Socket.Path, whose, r.Socket.Generation)
	if r.Socket.Fixed {
		row("", "given by the init system and not ours to rename: a restart relies on the stop signal")
	}
	if r.Socket.Next != 0 {
		row("", "new requests wait at generation %d", r.Socket.Next)
	}
}

// memory is what the backend has, and how that stands to its limits.
func (r *statusReport) memory(row func(name, format string, args ...any)) {
	swap := ""
	if r.Backend.Swap > 0 {
		swap = ", " + size(r.Backend.Swap) + " swapped out"
	}
	row("memory", "%s now%s, %s peak%s", size(r.Backend.RSS), swap, size(r.Backend.Peak), r.limits())
	if g := r.Growth; g != nil {
		reaches := ""
		if g.Reaches != nil {
			reaches = ", reaches its limit in " + duration(*g.Reaches)
		}
		row("", "grows %s/h%s", size(uint64(g.BytesPerHour)), reaches)
	}
	m := r.Memory
	if m.Fits > 0 {
		grown := ""
		if r.Backend.RSS > m.Fits {
			grown = ", and has grown since"
		}
		row("", "the limit is too small: the backend settled above it%s; at least %s would fit", grown, size(m.Fits))
	}
	if m.Over {
		row("", "over the limit; memory.action is \"warn\", so nothing follows")
	}
	if m.Postponed != "" {
		row("", "a restart for memory is put off: %s", m.Postponed)
	}
	if w := m.Wall; w != nil && (w.Slowed > 0 || w.OOMKill > 0) {
		row("", "at the wall (%s): slowed down %d times, %d processes killed", size(w.Max), w.Slowed, w.OOMKill)
	}
}

// line is the state in one line.
func (r *statusReport) line() string {
	s := r.State
	switch {
	case r.Preparing:
		return s + ", a restart is being prepared"
	case r.State == "draining" || r.State == "closing":
		return r.progress()
	case r.State == "blocked" && len(r.Rivals) > 0:
		return fmt.Sprintf("blocked: another interpreter runs, process %d", r.Rivals[0].PID)
	case r.State == "down" && r.Job != 0:
		return fmt.Sprintf("down: a job has the backend's place (keepone exec, process %d), and requests wait", r.Job)
	case r.State == "up":
		return fmt.Sprintf("up for %s, %s", duration(r.Since), size(r.Backend.RSS))
	}
	if r.Left != nil {
		s += fmt.Sprintf(", %.0f s left", *r.Left)
	}
	if r.Why != "" && r.State != "starting" {
		s += ": " + r.Why
	}
	return s
}

// progress is what a command that waits says.
func (r *statusReport) progress() string {
	switch {
	case r.Preparing:
		return fmt.Sprintf("%s: checking, or waiting for a quiet moment (%s)", r.State, requests(r.Queue.Active))
	case r.Left != nil && r.Socket.Next != 0:
		return fmt.Sprintf("%s: %s, %.0f s left", r.State, requests(r.Queue.Active), *r.Left)
	case r.Left != nil:
		return fmt.Sprintf("%s, %.0f s left", r.State, *r.Left)
	}
	return r.State
}

// notes are what the operator should know and did not ask.
func (r *statusReport) notes() string {
	var b strings.Builder
	if r.Cut > 0 {
		fmt.Fprintf(&b, "note: the latest drain ended at its deadline with %d connections open. Were they idle? Then the\n"+
			"web server keeps connections to the backend open (nginx: keepalive in upstream; Apache: no\n"+
			"disablereuse=On), and the kernel cannot tell idle from busy: remove that, or requests are lost in\n"+
			"restarts.\n", r.Cut)
	}
	if len(r.Pending) > 0 {
		fmt.Fprintf(&b, "pending until restart-backend: %s\n", strings.Join(r.Pending, ", "))
	}
	if r.LastWords != "" {
		fmt.Fprintf(&b, "last words of the backend that ended unasked (%s):\n%s\n", r.LastExit, indent(r.LastWords))
	}
	return b.String()
}

func (r *statusReport) limits() string {
	switch m := r.Memory; {
	case m.Soft > 0 && m.Hard > 0:
		return fmt.Sprintf(", limit %s (soft %s)", size(m.Hard), size(m.Soft))
	case m.Hard > 0:
		return ", limit " + size(m.Hard)
	case m.Soft > 0:
		return ", soft limit " + size(m.Soft)
	}
	return ", no limit"
}

func requests(n int) string {
	if n == 1 {
		return "1 request"
	}
	return fmt.Sprintf("%d requests", n)
}

// size prints bytes in the largest unit that leaves a whole number before the
// point.
func size(bytes uint64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

// duration prints seconds with the two units that matter.
func duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d >= 24*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d/time.Hour%24)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d/time.Minute%60)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d/time.Second%60)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ")
}

// commandLine is the command as a shell would show it.
func commandLine(argv []string) string {
	return strings.Join(argv, " ")
}

// commandName names a backend that has no configuration after its program.
func commandName(program string) string { return filepath.Base(program) }

func whoami() string {
	id := strconv.Itoa(os.Geteuid())
	u, err := user.LookupId(id)
	if err != nil { // in a container
		return id
	}
	return u.Username
}

// limits translates the configured resource limits for the shim.
func limits(l config.Limits) map[string]uint64 {
	all := map[string]*config.Limit{
		"nofile": l.NOFILE, "nproc": l.NPROC, "core": l.Core, "as": l.AS, "cpu": l.CPU,
		"fsize": l.FSize, "memlock": l.Memlock, "stack": l.Stack, "data": l.Data,
	}
	set := map[string]uint64{}
	for name, value := range all {
		if value != nil {
			set[name] = uint64(*value)
		}
	}
	return set
}
