package rival

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// group is the cgroup of a process, as systemd names it: the hierarchy name=systemd
// of version 1 where that says anything, else that of version 2; see
// cgroups(7).
func (h host) group(pid int) (path string) {
	for line := range strings.Lines(string(h.read(pid, "cgroup", 64<<10))) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) < 3 {
			continue
		}
		if f[1] == "name=systemd" && f[2] != "/" {
			return f[2]
		}
		if f[1] == "" && f[0] == "0" {
			path = f[2]
		}
	}
	return path
}

// ofGroup asks the cgroup, which remembers what no parent tells any more.
func (s *search) ofGroup(c *candidate) (origin, bool) {
	path, own := s.group(c.pid), s.group(os.Getpid())
	if kind, id := container(path); id != "" && !strings.Contains(own, id) {
		return origin{who: "the container " + id, end: kind + " stop " + id}, true
	}
	unit, owner := unitOf(path)
	switch {
	case strings.HasPrefix(unit, "session-"):
		return s.ofSession(c, strings.TrimSuffix(strings.TrimPrefix(unit, "session-"), ".scope")), true
	case unit == "" || strings.Contains(own+"/", "/"+unit+"/"):
		return origin{}, false // to stop the unit that we are in ourselves would be no good advice
	}
	return s.ofUnit(unit, owner, c.env.get("LISTEN_FDNAMES")), true
}

// unitOf is the outermost unit of a cgroup, and whose systemd's that is, "" for
// the system's. What is further in may be called whatever its user likes.
func unitOf(path string) (unit, owner string) {
	for part := range strings.SplitSeq(path, "/") {
		uid, user := strings.CutPrefix(part, "user@")
		switch {
		case user && owner == "":
			owner = strings.TrimSuffix(uid, ".service")
		case strings.HasSuffix(part, ".service") || strings.HasPrefix(part, "session-"):
			return part, owner
		}
	}
	return "", owner
}

// container names the container that a cgroup is, and the command for it.
func container(path string) (kind, id string) {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		part = strings.TrimSuffix(part, ".scope")
		for prefix, with := range map[string]string{"docker-": "docker", "libpod-": "podman", "cri-containerd-": "crictl"} {
			if id, ok := strings.CutPrefix(part, prefix); ok && isID(id) {
				return with, id[:12]
			}
		}
		if i > 0 && parts[i-1] == "docker" && isID(part) {
			return "docker", part[:12]
		}
	}
	return "", ""
}

func isID(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }

// ofSharedUnit is a unit that starts what others ask for, and is not to be
// stopped for that.
func ofSharedUnit(name string) (origin, bool) {
	switch {
	case slices.Contains(crons, name) || name == "cronie":
		return ofCron(name), true
	case name == "rc-local":
		return ofRCLocal(), true
	case name == "ssh" || name == "sshd" || name == "dropbear" || strings.HasPrefix(name, "getty@"):
		return origin{who: "a login over " + name}, true
	case slices.Contains([]string{"lighttpd", "apache2", "httpd", "supervisor", "supervisord", "runit", "docker", "containerd"}, name):
		return origin{who: name + ", which does not know it any more"}, true
	}
	return origin{}, false
}

// ofUnit is a unit of systemd's, or of a user's own systemd. names are those of
// the descriptors that systemd passed, sd_listen_fds(3): a socket unit left
// alone would start the other again.
func (s *search) ofUnit(unit, owner, names string) origin {
	name := strings.TrimSuffix(unit, ".service")
	if o, ok := ofSharedUnit(name); ok {
		return o
	}
	o := origin{who: "the systemd unit " + printable(unit)}
	arg, ok := word(name)
	if !ok {
		return o
	}
	for socket := range strings.SplitSeq(names, ":") { // of another name it may be a lie
		if socket == name+".socket" {
			arg += ".socket " + arg // both are words as one is
			break
		}
	}
	systemctl := "systemctl "
	if uid, err := strconv.Atoi(owner); owner != "" && err != nil {
		return o
	} else if err == nil {
		who := userName(uid)
		o.who += " of user " + who
		systemctl += "--user "
		if uid != os.Geteuid() {
			systemctl += "-M " + who + "@ "
		}
		o.end, o.returns = systemctl+"disable --now "+arg, true // where its files are is the user's business
		return o
	}
	what := "disable --now "
	file := s.unitFile(unit)
	if strings.Contains(file, "/transient/") || strings.Contains(file, "/generator/") {
		what = "stop "
	}
	o.end, o.returns = systemctl+what+arg, file == "" || s.restarts(file, unit)
	return o
}

// unitDirs are where systemd.unit(5) looks, in that order.
var unitDirs = []string{"/run/systemd/transient", "/etc/systemd/system", "/run/systemd/system", "/run/systemd/generator",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/generator.late"}

// unitFile finds a unit's file or that of its template; "" for none.
func (h host) unitFile(unit string) string {
	for _, name := range []string{unit, template(unit)} {
		for _, dir := range unitDirs {
			if st, err := os.Stat(string(h) + dir + "/" + name); err == nil && st.Mode().IsRegular() {
				return string(h) + dir + "/" + name
			}
		}
	}
	return ""
}

func template(unit string) string {
	if i := strings.IndexByte(unit, '@'); i >= 0 {
		return unit[:i+1] + ".service"
	}
	return unit
}

// restarts says whether a unit has Restart=, which is "no" where it is missing.
// The last one counts; files NAME.d/*.conf come after the unit's own.
func (h host) restarts(file, unit string) (yes bool) {
	files := []string{file}
	for _, name := range []string{template(unit), unit} {
		for _, dir := range unitDirs {
			more, _ := filepath.Glob(string(h) + dir + "/" + name + ".d/*.conf")
			files = append(files, more...)
		}
	}
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			if strings.TrimSpace(key) == "Restart" {
				value = strings.TrimSpace(value)
				yes = value != "" && value != "no"
			}
		}
	}
	return yes
}
