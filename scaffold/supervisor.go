package scaffold

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A setting is a line of an ini file, or of a unit.
type setting struct{ section, key, value string }

// ini reads supervisord's files as Python's ConfigParser does: a line that
// begins with white space goes on with the value before, a comment begins with
// ; or # at the line's beginning or behind white space.
func ini(text string) []setting {
	var all []setting
	section := ""
	for line := range strings.Lines(text) {
		indented := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		bare := strings.TrimSpace(uncomment(line))
		switch {
		case bare == "":
		case indented && len(all) > 0 && all[len(all)-1].section == section:
			all[len(all)-1].value += "\n" + bare
		case bare[0] == '[' && strings.HasSuffix(bare, "]"):
			section = bare[1 : len(bare)-1]
		default:
			at := strings.IndexAny(bare, "=:")
			if at < 0 {
				continue
			}
			all = append(all, setting{section, strings.ToLower(strings.TrimSpace(bare[:at])), strings.TrimSpace(bare[at+1:])})
		}
	}
	return all
}

func uncomment(line string) string {
	for i := range len(line) {
		if (line[i] == ';' || line[i] == '#') && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

// fromSupervisor makes a plan of every [program:x] and [fcgi-program:x].
func fromSupervisor(s Source) ([]*Plan, error) {
	all := ini(s.Text)
	here := "."
	if filepath.IsAbs(s.Path) {
		here = filepath.Dir(s.Path)
	}
	var plans []*Plan
	var order []string
	sections := map[string][]setting{}
	for _, l := range all {
		if isProgram(l.section) && sections[l.section] == nil {
			order = append(order, l.section)
		}
		sections[l.section] = append(sections[l.section], l)
	}
	for _, section := range order {
		kind, name, _ := strings.Cut(section, ":")
		r := supervised{p: &Plan{Name: name, passed: kind == "fcgi-program"}, expansions: map[string]string{
			"program_name": name, "group_name": name, "process_num": "0", "numprocs": "1", "here": here}}
		for _, l := range sections["supervisord"] { // is for all
			if len(order) < mostPrograms && (l.key == "environment" || l.key == "umask" || l.key == "directory") {
				r.take(l)
			}
		}
		for _, l := range sections[section] {
			r.take(l)
		}
		if r.err != nil {
			return nil, fmt.Errorf("[%s]: %w", section, r.err)
		}
		if len(r.p.Command) > 0 {
			plans = append(plans, r.p)
		}
	}
	return plans, nil
}

// mostPrograms bounds how often what is for all is read.
const mostPrograms = 200

func isProgram(section string) bool {
	return strings.HasPrefix(section, "program:") || strings.HasPrefix(section, "fcgi-program:")
}

// A supervised is one of supervisord's sections on its way to a plan.
type supervised struct {
	p          *Plan
	expansions map[string]string
	err        error
}

// needless are keys whose work keepone does in its own way, or that say nothing to it.
var needless = []string{"process_name", "autostart", "autorestart", "startsecs", "startretries", "exitcodes", "redirect_stderr", "priority",
	"stdout_capture_maxbytes", "stderr_capture_maxbytes", "stdout_events_enabled", "stderr_events_enabled", "stderr_logfile_maxbytes",
	"stderr_logfile_backups", "stopasgroup", "killasgroup", "serverurl", "nodaemon"}

// take carries over one key; the meanings are those of supervisord's manual.
func (r *supervised) take(l setting) {
	value := r.expand(l.value)
	p := r.p
	switch l.key {
	case "command":
		p.Command, r.err = splitQuoted(value, posix)
		p.unwrap(0)
	case "directory":
		p.chdir(value)
	case "user":
		p.setUser(value)
	case "umask":
		p.setMode("backend.umask", value)
	case "environment":
		p.pairs(value)
	case "stopsignal":
		p.set("stop.signal", quote("SIG"+strings.TrimPrefix(strings.ToUpper(value), "SIG")))
	case "stopwaitsecs":
		if n, err := strconv.Atoi(value); err == nil && n >= 0 {
			p.set("stop.timeout", quote(fmt.Sprintf("%ds", n)))
		}
	case "numprocs":
		if value != "1" {
			p.note("numprocs = %s: keepone runs one process, which may have children or threads", value)
		}
	case "socket", "socket_owner", "socket_mode", "socket_backlog":
		r.socket(l.key, value)
	case "stdout_logfile", "stdout_logfile_maxbytes", "stdout_logfile_backups":
		r.output(l.key, value)
	case "stderr_logfile":
		if !slices.Contains([]string{"AUTO", "NONE", "syslog"}, value) {
			p.note("stderr_logfile = %s: keepone writes stdout and stderr to one place, output.to", value)
		}
	default:
		if !slices.Contains(needless, l.key) {
			p.note("%s = %s was not carried over: keepone has nothing of that kind", l.key, value)
		}
	}
}

func (r *supervised) socket(key, value string) {
	switch key {
	case "socket":
		r.p.Socket = r.p.address(value)
	case "socket_owner":
		owner, group, _ := strings.Cut(value, ":")
		if owner != "" {
			r.p.set("socket.owner", quote(owner))
		}
		if group != "" {
			r.p.set("socket.group", quote(group))
		}
	case "socket_mode":
		r.p.setMode("socket.mode", value)
	case "socket_backlog":
		if n, err := strconv.Atoi(value); err == nil && n > 0 && n <= 65535 {
			r.p.set("socket.backlog", strconv.Itoa(n))
		}
	}
}

func (r *supervised) output(key, value string) {
	size := value
	for _, unit := range []string{"KB", "MB", "GB"} {
		if n, ok := strings.CutSuffix(strings.ToUpper(value), unit); ok {
			size = n + unit[:1] + "iB" // supervisord counts in powers of two
		}
	}
	n, _ := strconv.Atoi(strings.TrimRight(size, "KMGiB"))
	switch {
	case key == "stdout_logfile" && filepath.IsAbs(value) && !strings.HasPrefix(value, "/dev/"):
		r.p.set("output.to", quote(filepath.Clean(value)))
	case key == "stdout_logfile" && value == "syslog":
		r.p.set("output.to", quote("syslog"))
	case key == "stdout_logfile_maxbytes" && (n >= 4096 || n > 0 && n < 1<<20 && size != value):
		if size == value {
			size += "B"
		}
		r.p.set("output.limit", quote(size))
	case key == "stdout_logfile_backups" && n >= 0 && n < 100:
		r.p.set("output.keep", strconv.Itoa(n+1))
	}
}
