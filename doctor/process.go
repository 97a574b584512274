package doctor

import (
	"bytes"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
)

// A process is what proc(5) says of one.
type process struct {
	pid, parent, uid, gid int // the effective ones
	real                  int // the uid of who started it
	groups                []int
	name                  string
	argv                  []string
}

// look reads one; proc_pid_status(5), proc_pid_cmdline(5).
func look(pid int) (process, error) {
	p := process{pid: pid}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return p, fmt.Errorf("cannot look at process %d: %w", pid, err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		words := strings.Fields(value)
		number := func(i int) int {
			if i >= len(words) {
				return -1
			}
			n, _ := strconv.Atoi(words[i]) // the kernel writes numbers
			return n
		}
		switch name {
		case "Name":
			p.name = strings.TrimSpace(value)
		case "PPid":
			p.parent = number(0)
		case "Uid":
			p.real, p.uid = number(0), number(1)
		case "Gid":
			p.gid = number(1)
		case "Groups":
			for i := range words {
				p.groups = append(p.groups, number(i))
			}
		}
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	p.argv = strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")
	return p, err
}

// file is the argument of an option, "" where it is not given.
func (p *process) option(name string) string {
	for i, word := range p.argv[:max(0, len(p.argv)-1)] {
		if word == name {
			return p.argv[i+1]
		}
	}
	return ""
}

// at makes a path absolute as the process would.
func (p *process) at(path string) string {
	if path == "" || strings.HasPrefix(path, "/") {
		return path
	}
	dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", p.pid))
	if err != nil {
		return path
	}
	return dir + "/" + path
}

// program is what the process runs, or where that was replaced since, what is
// there now.
func (p *process) program() string {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.pid))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(path, " (deleted)")
}

// userName is a name for a uid, or the number.
func userName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return strconv.Itoa(uid)
	}
	return u.Username
}

// groupName likewise.
func groupName(gid int) string {
	g, err := user.LookupGroupId(strconv.Itoa(gid))
	if err != nil {
		return strconv.Itoa(gid)
	}
	return g.Name
}

// processes are those of the web server that live, the one that began it first,
// and who connects: nginx and Apache begin as root, and their children serve.
func (s *Server) processes() (first, serving process, err error) {
	var all []process
	for _, pid := range s.PIDs {
		if p, bad := look(pid); bad == nil {
			all = append(all, p)
		} else {
			err = bad
		}
	}
	if len(all) == 0 {
		return first, serving, err
	}
	first = all[0]
	for _, p := range all {
		if !slices.ContainsFunc(all, func(o process) bool { return o.pid == p.parent }) {
			first = p
			break
		}
	}
	serving = first
	for _, p := range all {
		if p.pid != first.pid && p.uid != 0 {
			serving = p
			break
		}
	}
	return first, serving, nil
}

// reloadOf is the command that has the server read its configuration again.
func reloadOf(first *process, name string) string {
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", first.pid)); err == nil && inUnit(string(text), name) {
		return "systemctl reload-or-restart " + name
	}
	signal := "USR1"
	if name == "nginx" {
		signal = "HUP"
	}
	return fmt.Sprintf("kill -%s %d", signal, first.pid)
}
