package rival

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// An origin is who started a rival, and what ends it for good.
type origin struct {
	who     string
	end     string // empty for plain kill(1)
	advice  string // what else is to be done, behind a semicolon
	returns bool   // it is started again when it is ended
}

// origin asks, in turn: is it another keepone's; is there an ancestor that looks
// after programs or starts them; which unit, container or session does its
// cgroup name; has it a terminal. The nearest ancestor decides: lighttpd below
// supervisord is lighttpd.
func (s *search) origin(c *candidate) origin {
	o, ok := s.ofKeepone(c)
	for i := 0; !ok && i < len(c.chain); i++ {
		if o, ok = s.ofAncestor(c, c.chain[i]); ok {
			o.end = s.asItself(o.end, c.chain[i].pid)
		}
	}
	if !ok {
		o, ok = s.ofGroup(c)
	}
	if !ok {
		o, ok = s.ofTerminal(c)
	}
	if !ok {
		o = ofParent(c)
	}
	if o.end == "" {
		o.end = "kill " + strconv.Itoa(c.pid)
	}
	if o.advice != "" {
		o.end += "; " + o.advice
	}
	return o
}

// asItself lets a command be run as whoever the ancestor is. Its name, its
// directory and the files that it was given are that user's to choose, and as
// root one must neither read nor run what they say.
func (s *search) asItself(command string, pid int) string {
	switch uid := s.realUID(pid); {
	case command == "" || uid == os.Geteuid():
		return command
	case uid < 0:
		return ""
	default:
		return "runuser -u " + userName(uid) + " -- " + command
	}
}

// ofKeepone is a backend of another keepone: its variable has the boot, the run
// directory, the name and the generation.
func (s *search) ofKeepone(c *candidate) (origin, bool) {
	f := strings.Split(c.env.get("KEEPONE"), ":")
	if !s.anothers(c) || len(f) < 3 {
		return origin{}, false
	}
	name, ok := word(f[2])
	if !ok {
		return origin{}, false
	}
	o := origin{who: "another keepone, which is dead, as " + name}
	for _, above := range c.chain {
		exe, err := identify(s.path(above.pid, "exe"))
		if above.name != "keepone" && (err != nil || exe != s.self) {
			continue
		}
		o = origin{who: fmt.Sprintf("another keepone (process %d, %s)", above.pid, name), end: "keepone stop-backend " + name, returns: true}
		if uid := s.uid(above.pid); uid > 0 && uid != os.Geteuid() {
			o.end = "runuser -u " + userName(uid) + " -- " + o.end
		}
		break
	}
	return o, true
}

// ofAncestor knows who looks after programs, and who starts them.
func (s *search) ofAncestor(c *candidate, above process) (origin, bool) {
	name, at := above.name, fmt.Sprintf(" (process %d)", above.pid)
	switch {
	case name == "supervisord" || strings.HasPrefix(name, "python") && s.runsSupervisord(above.pid):
		return s.ofSupervisord(c, above), true
	case name == "lighttpd":
		return origin{who: name + at + ", as its bin-path", returns: true,
			advice: "lighttpd starts it again unless bin-path is taken out of its configuration"}, true
	case name == "apache2" || name == "httpd":
		return origin{who: name + at, returns: true,
			advice: name + " starts it again unless it is taken out of its configuration"}, true
	case name == "runsv" || name == "supervise" || name == "s6-supervise":
		return s.ofDirectory(above), true
	case slices.Contains(crons, name):
		return ofCron(name + at), true
	case name == "rc.local":
		return ofRCLocal(), true
	case strings.HasPrefix(name, "tmux: server") || strings.EqualFold(name, "screen"):
		return origin{who: strings.TrimSuffix(name, ": server") + " of " + s.user(above.pid) + at}, true
	}
	return origin{}, false
}

// crons start programs at times: cron(8), crond(8), atd(8) and the like.
var crons = []string{"cron", "crond", "fcron", "anacron", "atd"}

func ofCron(who string) origin {
	if strings.HasPrefix(who, "atd") {
		return origin{who: who} // once
	}
	return origin{who: who, advice: "cron starts it again at its time unless it is taken out of the crontab"}
}

func ofRCLocal() origin {
	return origin{who: "rc.local", advice: "it comes back with the next boot unless it is taken out of /etc/rc.local"}
}

// ofDirectory is what supervises a directory, which it is in: runsv(8),
// supervise(8), s6-supervise.
func (s *search) ofDirectory(above process) origin {
	o := origin{who: fmt.Sprintf("%s (process %d)", above.name, above.pid), returns: true}
	dir, ok := word(s.link(above.pid, "cwd"))
	if !ok {
		o.advice = above.name + " starts it again unless it is told to leave it down"
		return o
	}
	o.who += ", as " + dir
	o.end = map[string]string{"runsv": "sv down ", "supervise": "svc -d ", "s6-supervise": "s6-svc -d "}[above.name] + dir
	return o
}

// runsSupervisord says whether a Python was given supervisord to run.
func (s *search) runsSupervisord(pid int) bool {
	w := parse("python", s.argv(pid))
	return filepath.Base(w.script) == "supervisord" || w.module == "supervisor.supervisord"
}

// supervisorFiles are where supervisorctl(1) looks by itself.
var supervisorFiles = []string{"/etc/supervisor/supervisord.conf", "/etc/supervisord.conf"}

// ofSupervisord is one of the programs of supervisord, by the names that it
// leaves in the environment.
func (s *search) ofSupervisord(c *candidate, above process) origin {
	o := origin{who: fmt.Sprintf("supervisord (process %d)", above.pid), returns: true}
	name, group := c.env.get("SUPERVISOR_PROCESS_NAME"), c.env.get("SUPERVISOR_GROUP_NAME")
	if group != "" && group != name {
		name = group + ":" + name
	}
	name, ok := word(name)
	if !ok || name == "all" { // which would be everything
		o.advice = "supervisord starts it again unless supervisorctl stops it"
		return o
	}
	o.who += ", as " + name
	o.end = "supervisorctl stop " + name
	argv := s.argv(above.pid)
	for i, a := range argv {
		file, joined := strings.CutPrefix(a, "--configuration=")
		if (a == "-c" || a == "--configuration") && i+1 < len(argv) {
			file, joined = argv[i+1], true
		}
		if !joined {
			continue
		}
		if file, ok := word(absolute(s.link(above.pid, "cwd"), file)); ok && !slices.Contains(supervisorFiles, file) {
			o.end = "supervisorctl -c " + file + " stop " + name
		}
		break
	}
	return o
}

// ofParent is what remains: a parent that lives and is nobody in particular,
// or one that inherits the children of the dead.
func ofParent(c *candidate) origin {
	if len(c.chain) == 0 || c.chain[0].pid == 1 || slices.Contains(inits, c.chain[0].name) {
		return origin{who: "nobody that still lives (its parent was ended)"}
	}
	p := c.chain[0]
	return origin{who: fmt.Sprintf("process %d (%s)", p.pid, printable(p.name))}
}

// inits inherit orphans, as process 1 or as child subreapers.
var inits = []string{"init", "systemd", "tini", "docker-init", "dumb-init", "catatonit", "runit", "runsvdir", "s6-svscan", "upstart"}
