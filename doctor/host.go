package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// webServer says which web server there is, and how that is known.
func (p *Patient) webServer() []Finding {
	const check = "web server"
	if len(p.Server.PIDs) == 0 {
		return p.noWebServer()
	}
	first, serving, err := p.Server.processes()
	if err != nil {
		return one(Error, check, p.Server.Name, err.Error(), "")
	}
	how := "the only one here"
	if p.Server.Proved {
		how = "seen to be connected"
	}
	return one(OK, check, p.Server.Name, fmt.Sprintf("process %d, %s; it connects as user %s, group %s", first.pid, how, userName(serving.uid), groupName(serving.gid)), "")
}

// known are the names of web servers, as package webserver has them.
var known = []string{"lighttpd", "nginx", "apache2", "httpd", "caddy"}

// noWebServer tells none from too many.
func (p *Patient) noWebServer() []Finding {
	const check = "web server"
	comms, _ := filepath.Glob("/proc/[0-9]*/comm") // the pattern is valid
	for _, file := range comms {
		text, _ := os.ReadFile(file) // of a process that ended: none
		if name := strings.TrimSpace(string(text)); slices.Contains(known, name) {
			return one(NotChecked, check, name, "more than one web server runs, and none was seen to be connected: name the process of yours",
				"keepone doctor "+p.Site.Say+" --web-server $(pgrep -o -x "+name+")")
		}
	}
	for _, name := range known {
		for _, dir := range []string{"/usr/sbin/", "/usr/bin/", "/usr/local/sbin/", "/usr/local/bin/"} {
			if _, err := os.Stat(dir + name); err == nil {
				return one(Error, check, dir+name, "it does not run", "service "+name+" start")
			}
		}
	}
	return one(Error, check, p.Site.Name, "none runs that is known here: see webserver.process in keepone.toml(5)", "apt-get install lighttpd")
}

// sysctl reads one of /proc/sys; -1 where that is not to be.
func sysctl(name string) int {
	text, err := os.ReadFile("/proc/sys/" + name)
	if err != nil {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return -1
	}
	return n
}

// backlog: the kernel cuts it to net.core.somaxconn, see listen(2).
func (p *Patient) backlog() []Finding {
	const check = "backlog"
	most := sysctl("net/core/somaxconn")
	switch {
	case most < 0:
		return one(NotChecked, check, "net.core.somaxconn", "it cannot be read", "")
	case most >= p.Site.Backlog:
		return one(OK, check, "net.core.somaxconn", fmt.Sprintf("%d connections may wait", p.Site.Backlog), "")
	}
	return one(Warning, check, "net.core.somaxconn", fmt.Sprintf("socket.backlog %d is cut to %d: at a restart under load who comes after that gets an error", p.Site.Backlog, most),
		fmt.Sprintf("echo net.core.somaxconn=%d > /etc/sysctl.d/60-keepone.conf && sysctl -p /etc/sysctl.d/60-keepone.conf && keepone restart-backend %s", p.Site.Backlog, p.Site.Say))
}

// memory compares the limits with what there is.
func (p *Patient) memory() []Finding {
	const check = "memory"
	room := p.room()
	limit := max(p.Site.Soft, p.Site.Hard)
	half := fmt.Sprintf("%dMiB", max(room>>21, 1))
	switch {
	case room == 0:
		return one(NotChecked, check, "memory.hard", "how much memory there is cannot be told", "")
	case p.Site.Hard > room:
		return one(Warning, check, "memory.hard", fmt.Sprintf("%d MiB is more than the %d MiB there are: the host swaps, or kills somebody, before it is passed", p.Site.Hard>>20, room>>20),
			p.set("memory", "hard", strconv.Quote(half)))
	case p.Site.Soft > room:
		return one(Warning, check, "memory.soft", fmt.Sprintf("%d MiB is more than the %d MiB there are: it is never passed", p.Site.Soft>>20, room>>20),
			p.set("memory", "soft", strconv.Quote(half)))
	case p.Site.Soft > 0 && p.Site.Hard > 0 && p.Site.Soft >= p.Site.Hard:
		return one(Warning, check, "memory.soft", "it is not below memory.hard here: no restart waits for a quiet moment", p.set("memory", "soft", strconv.Quote(fmt.Sprintf("%dMiB", p.Site.Hard*3/4>>20))))
	case p.Status != nil && p.Status.Memory.Fits > 0:
		return one(Warning, check, "memory.hard", fmt.Sprintf("every backend passes its limit as soon as it has settled; %d MiB would do", p.Status.Memory.Fits>>20),
			p.set("memory", "hard", strconv.Quote(fmt.Sprintf("%dMiB", p.Status.Memory.Fits>>20+1))))
	case limit == 0:
		return one(OK, check, "memory.hard", "there is no limit; keepone report --suggest "+p.Site.Say+" prints what fits", "")
	}
	return one(OK, check, "memory.hard", fmt.Sprintf("%d MiB of %d MiB", limit>>20, room>>20), "")
}

// room is all the memory there is, in bytes.
func (p *Patient) room() uint64 {
	if p.Status != nil && p.Status.Memory.Room > 0 {
		return p.Status.Memory.Room
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return uint64(info.Totalram) * uint64(info.Unit)
}

// procfs: what keepone cannot see, it cannot keep. hidepid is of proc(5),
// ptrace_scope of Yama in the kernel's documentation.
func (p *Patient) procfs() []Finding {
	const check = "proc"
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return one(NotChecked, check, "/proc", err.Error(), "")
	}
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) > 3 && f[1] == "/proc" && strings.Contains(f[3], "hidepid=") && !strings.Contains(f[3], "hidepid=0") && !strings.Contains(f[3], "hidepid=off") && !p.Site.System {
			return one(Warning, check, "/proc", "it is mounted with hidepid: a keepone that root does not run sees no rival of another user", "mount -o remount,hidepid=0 /proc")
		}
	}
	switch scope := sysctl("kernel/yama/ptrace_scope"); {
	case scope >= 3, scope >= 1 && !p.Site.System:
		return one(Warning, check, "kernel.yama.ptrace_scope", fmt.Sprintf("it is %d: a keepone that was killed cannot take the socket back from the backend, and makes another one", scope), map[bool]string{true: "sysctl -w kernel.yama.ptrace_scope=0"}[scope < 3])
	}
	return one(OK, check, "/proc", "keepone sees what it has to", "")
}
