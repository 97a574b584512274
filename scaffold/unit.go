package scaffold

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// unitLines reads a unit as systemd.syntax(7) says: a line that ends with a
// backslash goes on, also past comments; an empty assignment takes back those
// before it of the same key.
func unitLines(text string) []setting {
	var all []setting
	section, held := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && (line[0] == '#' || line[0] == ';') {
			continue
		}
		line = held + line
		if rest, goes := strings.CutSuffix(line, "\\"); goes {
			held = rest + " "
			continue
		}
		held = ""
		key, value, found := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = line[1 : len(line)-1]
		case found:
			all = append(all, setting{section, strings.TrimSpace(key), strings.TrimSpace(value)})
		}
	}
	return all
}

// A unit is a .service on its way to a plan.
type unit struct {
	p       *Plan
	full    string // "web@one.service"
	prefix  string // "web"
	inst    string // "one"
	lines   []setting
	execs   []string
	sockets []string // Sockets=
	stdin   string
}

// fromUnit makes a plan of a .service, and of the .socket beside it.
func fromUnit(s Source) ([]*Plan, error) {
	u := newUnit(s)
	if !slices.ContainsFunc(u.lines, func(l setting) bool { return l.section == "Service" }) {
		service := strings.TrimSuffix(u.full, ".socket") + ".service"
		text, found := "", false
		if s.Beside != nil && strings.HasSuffix(u.full, ".socket") {
			text, found = s.Beside(service)
		}
		if !found {
			return nil, fmt.Errorf("it is a socket unit: name %s, which has the command", service)
		}
		return fromUnit(Source{Path: filepath.Join(filepath.Dir(s.Path), service), Text: text, Beside: s.Beside})
	}
	for _, l := range u.lines {
		if l.section == "Service" {
			if err := u.take(l); err != nil {
				return nil, fmt.Errorf("%s=: %w", l.key, err)
			}
		}
	}
	if len(u.execs) == 0 {
		return nil, errors.New("the unit has no ExecStart=")
	}
	if len(u.execs) > 1 {
		u.p.note("the unit has %d ExecStart= lines; keepone runs the first", len(u.execs))
	}
	if err := u.command(u.execs[0]); err != nil {
		return nil, fmt.Errorf("ExecStart=: %w", err)
	}
	u.socketUnit(s)
	u.p.unwrap(0)
	if name, _ := u.p.program(); slices.Contains(u.lines, setting{"Service", "Type", "forking"}) && servers[name].handoff == "" {
		u.p.note("Type=forking: the program must stay in the foreground under keepone; take the option out that makes it a daemon")
	}
	return []*Plan{u.p}, nil
}

func newUnit(s Source) *unit {
	u := &unit{full: filepath.Base(s.Path)}
	name := u.full
	if at := strings.LastIndexByte(name, '.'); at > 0 {
		name = name[:at]
	}
	u.prefix, u.inst, _ = strings.Cut(name, "@")
	u.p = &Plan{Name: defaultTo(u.inst, u.prefix)}
	if s.Path == "-" {
		u.p.Name = ""
	}
	u.lines = unitLines(s.Text)
	for _, more := range s.Shared {
		u.lines = append(u.lines, unitLines(more)...)
	}
	u.lines = inForce(u.lines)
	return u
}

// inForce leaves out what an empty assignment takes back.
func inForce(lines []setting) []setting {
	last := map[setting]int{} // of a section and key: where it was emptied
	for i, l := range lines {
		if l.value == "" {
			last[setting{section: l.section, key: l.key}] = i + 1
		}
	}
	var left []setting
	for i, l := range lines {
		if i >= last[setting{section: l.section, key: l.key}] {
			left = append(left, l)
		}
	}
	return left
}

// silent are keys that say nothing to keepone, whose own unit has them, or that
// are its own work.
var silent = strings.Fields(`Type Restart RestartSec RestartSteps RestartMaxDelaySec StartLimitInterval StartLimitIntervalSec StartLimitBurst
	StandardError SyslogIdentifier SyslogFacility SyslogLevel KillMode SendSIGKILL TimeoutStartSec TimeoutAbortSec NotifyAccess RemainAfterExit
	GuessMainPID Slice Delegate SuccessExitStatus RestartPreventExitStatus RestartForceExitStatus NonBlocking TasksAccounting MemoryAccounting
	CPUAccounting IOAccounting ExecReload ExecStop PIDFile RuntimeDirectoryPreserve OOMPolicy FinalKillSignal SendSIGHUP TTYPath`)

// take carries over one line of [Service]; see systemd.exec(5), systemd.service(5),
// systemd.kill(5) and systemd.resource-control(5).
func (u *unit) take(l setting) error {
	p := u.p
	switch l.key {
	case "ExecStart":
		u.execs = append(u.execs, l.value)
	case "User", "Group", "WorkingDirectory", "UMask", "SupplementaryGroups":
		u.who(l.key, u.specifiers(l.value))
	case "Environment":
		words, err := splitQuoted(u.specifiers(l.value), cEscape)
		for _, w := range words {
			name, value, _ := strings.Cut(w, "=")
			p.setenv(name, value)
		}
		return err
	case "EnvironmentFile":
		u.envFile(u.specifiers(l.value))
	case "KillSignal":
		p.set("stop.signal", quote(l.value))
	case "TimeoutStopSec", "TimeoutSec":
		u.stopTimeout(l)
	case "Sockets":
		u.sockets = append(u.sockets, strings.Fields(u.specifiers(l.value))...)
	case "StandardInput":
		u.stdin = l.value
	case "StandardOutput":
		u.output(u.specifiers(l.value))
	case "Nice", "OOMScoreAdjust":
		if _, err := strconv.Atoi(l.value); err == nil {
			p.set(map[string]string{"Nice": "limits.nice", "OOMScoreAdjust": "limits.oom_score_adj"}[l.key], l.value)
		}
	case "MemoryHigh", "MemoryMax", "MemoryLimit":
		u.memory(l.key, l.value)
	default:
		u.limitOrNote(l)
	}
	return nil
}

func (u *unit) stopTimeout(l setting) {
	if text, ok := timeSpan(l.value); ok {
		u.p.set("stop.timeout", quote(text))
	} else {
		u.p.note("%s=%s: write into stop.timeout how long a stop may take", l.key, l.value)
	}
}

func (u *unit) who(key, value string) {
	p := u.p
	switch key {
	case "User":
		p.User = value
	case "Group":
		p.Group = value
	case "UMask":
		p.setMode("backend.umask", value)
	case "SupplementaryGroups":
		p.set("backend.groups", list(strings.Fields(value)))
	case "WorkingDirectory":
		value = strings.TrimPrefix(value, "-")
		if value == "~" {
			p.goHome()
			return
		}
		p.chdir(value)
	}
}

// envFile carries over EnvironmentFile=; "-" before it allows it to be missing,
// which keepone does not.
func (u *unit) envFile(file string) {
	file, optional := strings.CutPrefix(file, "-")
	if optional && readText(file) == "" {
		u.p.note("EnvironmentFile=-%s was left out: there is nothing in it today", file)
		return
	}
	u.p.files = append(u.p.files, file)
	u.p.set("environment.files", list(u.p.files))
}

func (u *unit) output(value string) {
	kind, file, _ := strings.Cut(value, ":")
	switch {
	case (kind == "file" || kind == "append" || kind == "truncate") && filepath.IsAbs(file):
		u.p.set("output.to", quote(filepath.Clean(file)))
	case strings.HasPrefix(kind, "syslog"):
		u.p.set("output.to", quote("syslog"))
	case kind == "socket" || kind == "fd" || kind == "tty":
		u.p.note("StandardOutput=%s: keepone keeps the output in output.to", value)
	}
}
