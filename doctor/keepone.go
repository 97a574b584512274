package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// keepone: does it run, is it the one that is installed, and is the backend up.
func (p *Patient) keepone() []Finding {
	const check = "keepone"
	if p.Status == nil {
		text := "it does not answer"
		if p.Silent != nil {
			text = p.Silent.Error()
		}
		if strings.Contains(text, "permission") || strings.Contains(text, "not allowed") || strings.Contains(text, "not yours") {
			return one(NotChecked, check, p.Site.Name, text, "sudo keepone doctor "+p.Site.Say)
		}
		return one(Error, check, p.Site.Name, text, p.Start)
	}
	st := p.Status
	all := one(OK, check, p.Site.Name, fmt.Sprintf("keepone runs as process %d, %s; the backend is %s", st.Supervisor.PID, startedBy(st.Supervisor.PID), st.State), "")
	switch st.State {
	case "up", "starting", "draining", "restarting":
	case "down", "stopping", "closing":
		all = one(Error, check, p.Site.Name, "the backend is "+st.State+": "+st.Why, "keepone start-backend "+p.Site.Say)
	case "blocked":
		all = one(Error, check, p.Site.Name, "the backend is blocked: "+st.Why, "keepone start-backend --take-over "+p.Site.Say)
	default:
		all = one(Error, check, p.Site.Name, "the backend is in "+st.State+": "+st.Why, "keepone logs "+p.Site.Say)
	}
	if st.InTheWay != "" {
		all = append(all, Finding{Error, "in the way", p.Site.Socket, st.InTheWay, ""})
	}
	if len(st.Pending) > 0 {
		all = append(all, Finding{Warning, "pending", p.Site.File, "the running backend was started without what was changed: " + strings.Join(st.Pending, ", "), "keepone restart-backend " + p.Site.Say})
	}
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", st.Supervisor.PID)); err == nil && strings.HasSuffix(exe, " (deleted)") {
		all = append(all, Finding{Warning, "upgrade", strings.TrimSuffix(exe, " (deleted)"), "keepone was replaced on the disk, and the former one still runs", "keepone upgrade " + p.Site.Say})
	}
	return all
}

// startedBy tells who runs a process for good: its unit, see cgroups(7), or its
// parent.
func startedBy(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err == nil {
		for part := range strings.SplitSeq(strings.ReplaceAll(string(text), "\n", "/"), "/") {
			if strings.HasSuffix(part, ".service") && strings.Contains(part, "keepone") {
				return "started by systemd as " + part
			}
		}
	}
	p, err := look(pid)
	if err != nil {
		return "started by somebody whom only root can see"
	}
	parent, err := look(p.parent)
	if err != nil {
		return fmt.Sprintf("started by process %d", p.parent)
	}
	return fmt.Sprintf("started by %s, process %d", parent.name, p.parent)
}

// boot looks for what starts the site with the host. Under systemd that is no
// other init's: a package's script has a mask there, whatever NAMES says.
func (p *Patient) boot() []Finding {
	const check = "boot"
	name := p.Site.Name
	places := [][2]string{
		{"/etc/systemd/system/*/keepone@" + name + ".service", "systemd"},
		{"/etc/runlevels/*/keepone." + name, "OpenRC"},
		{"/etc/service/keepone-" + name, "runit"},
		{"/var/service/keepone-" + name, "runit"},
	}
	files := []string{"/etc/crontab", "/etc/rc.local", "/etc/inittab"}
	_, err := os.Stat("/run/systemd/system") // sd_booted(3)
	systemd := err == nil
	if systemd {
		places, files = places[:1], files[:2]
	}
	for _, at := range places {
		if found, _ := filepath.Glob(at[0]); len(found) > 0 { // the pattern is valid: so are names
			return one(OK, check, found[0], at[1]+" starts it at boot", "")
		}
	}
	if links, _ := filepath.Glob("/etc/rc[2345].d/S*keepone"); len(links) > 0 && !systemd && listed("/etc/default/keepone", name) {
		return one(OK, check, links[0], "init starts it at boot, as /etc/default/keepone says", "")
	}
	for _, file := range files {
		if line := runs(file, name); line > 0 {
			return one(OK, check, fmt.Sprintf("%s:%d", file, line), "it is started at boot", "")
		}
	}
	if !p.Site.System {
		if units, _ := filepath.Glob(os.Getenv("HOME") + "/.config/systemd/user/*/keepone@" + name + ".service"); len(units) > 0 {
			return one(OK, check, units[0], "systemd starts it for you", "")
		}
		return one(NotChecked, check, name, "your crontab may start it at boot (@reboot)", "")
	}
	return one(Warning, check, name, "nothing starts it at boot that is known here", "keepone install "+name)
}

// names is a line that sets NAMES, in quotes or without, as sh(1) reads it.
var names = regexp.MustCompile(`(?m)^\s*(?:export\s+)?NAMES=(?:"([^"]*)"|'([^']*)'|([^\s"'#;]*))`)

// listed tells whether NAMES= in a file of shell variables has the name; of
// several the last one counts.
func listed(file, name string) bool {
	text, err := os.ReadFile(file)
	all := names.FindAllStringSubmatch(string(text), -1)
	if err != nil || len(all) == 0 {
		return false
	}
	last := all[len(all)-1]
	return slices.Contains(strings.Fields(last[1]+last[2]+last[3]), name)
}

// runs is the number of the first line that has keepone run the site; 0 for none.
func runs(file, name string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\"':;&=", r) })
		program := slices.IndexFunc(words, func(w string) bool { return filepath.Base(w) == "keepone" })
		if program < 0 || program+1 == len(words) || words[program+1] != "run" {
			continue
		}
		if slices.ContainsFunc(words[program+2:], func(w string) bool { return w == name || filepath.Base(w) == name+".toml" }) {
			return i + 1
		}
	}
	return 0
}

// rivals are told by keepone itself.
func (p *Patient) rivals() []Finding {
	const check = "rival"
	if p.Status == nil {
		return one(NotChecked, check, p.Site.Name, "keepone looks for other interpreters of the site, and does not answer", "")
	}
	var all []Finding
	for _, r := range p.Status.Rivals {
		all = append(all, Finding{Error, check, fmt.Sprintf("process %d", r.PID), fmt.Sprintf("%s: %s; started by %s", r.Command, r.Why, r.Origin), r.End})
	}
	if all == nil {
		return one(OK, check, p.Site.Name, "no other interpreter of the site runs", "")
	}
	return all
}

// backend: can its program be run.
func (p *Patient) backend() []Finding {
	const check = "backend"
	if p.Site.Runnable == nil {
		return one(OK, check, strings.Join(p.Site.Command, " "), "its program is there", "")
	}
	fix := ""
	switch program := filepath.Base(p.Site.Command[0]); program {
	case "php-cgi", "python3", "perl", "ruby", "fcgiwrap", "gunicorn", "uvicorn":
		fix = "apt-get install " + program
	}
	return one(Error, check, strings.Join(p.Site.Command, " "), p.Site.Runnable.Error()+": the next backend will not start", fix)
}
