package rival

import (
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A candidate is what is known of a process that may be a rival.
type candidate struct {
	process
	command
	argv    []string
	deleted bool        // the program's file is gone
	env     environment // of the variables that count
	locked  bool        // it has the backend lock
	sockets []uint64    // inodes, those that can be seen
	strange []listener  // of those, who listens in another network namespace
	named   []spot      // of those, what was bound to our name and directory
	chain   []process   // its ancestors, nearest first
	rule    Rule
	why     string
	spot    spot // which the rule path or bin-path found, or would have
}

// lockEntry is where the backend has its lock, see proc_pid_fd(5).
const (
	lockEntry = "fd/200"
	lockInfo  = "fdinfo/200" // see proc_pid_fdinfo(5)
)

// variables are what is looked at in an environment, beside the marks.
var variables = []string{"KEEPONE=", "SUPERVISOR_", "PWD=", "LISTEN_FDNAMES="}

// examinations is how often a process is looked at that becomes another program
// meanwhile.
const examinations = 3

// examine collects what is known of a process; nil of one that is gone, that is
// another by now, or that descends from ours.
func (s *search) examine(pid int) (c *candidate) {
	for range examinations {
		p, ok := s.settled(pid)
		if !ok {
			return nil
		}
		if c = s.collect(p); c == nil {
			return nil
		}
		again, ok := s.stat(pid)
		if !ok || again.start != p.start {
			return nil
		}
		if again.name == p.name && !again.executes {
			break
		}
	}
	return c
}

// collect is examine, once.
func (s *search) collect(p process) *candidate {
	pid := p.pid
	c := &candidate{process: p, chain: s.ancestors(p)}
	if slices.ContainsFunc(c.chain, func(above process) bool { return s.own[above.pid] }) {
		return nil
	}
	c.argv = s.argv(pid)
	begin := variables
	for _, mark := range []string{s.wanted.Mark, s.wanted.JobMark} {
		if mark != "" {
			begin = append(slices.Clip(begin), mark)
		}
	}
	c.env = s.environ(pid, begin...)
	s.learn(c)
	if s.lock != (file{}) {
		lock, err := identify(s.path(pid, lockEntry))
		c.locked = err == nil && lock == s.lock && strings.Contains(string(s.read(pid, lockInfo, 4<<10)), "\nlock:") // anybody may open it with O_PATH
	}
	c.sockets = s.sockets(pid)
	if ns := s.link(pid, "ns/net"); ns != "" && ns != s.net {
		c.strange = s.strangeListeners(pid)
	}
	for _, inode := range c.sockets {
		if sp, ok := s.spots[inode]; ok && (sp.at || s.meant(pid, s.place, sp.listener)) {
			c.named = append(c.named, sp)
		}
	}
	return c
}

// learn fills in the command of a process.
func (s *search) learn(c *candidate) {
	called := c.name
	if len(c.argv) > 0 {
		called = c.argv[0]
	}
	c.exe, _ = identify(s.path(c.pid, "exe"))
	c.path, c.deleted = strings.CutSuffix(s.link(c.pid, "exe"), " (deleted)")
	c.kind = kindAs(c.path, called)
	c.dir = s.link(c.pid, "cwd")
	if c.dir != "" {
		c.dirAt, _ = identify(s.path(c.pid, "cwd"))
	}
	c.home = c.dirAt
	var args []string
	if c.title, args = title(c.argv); c.title != "" {
		c.args = args
		return
	}
	c.words = parse(c.kind, c.argv)
	if c.script == "" {
		return
	}
	c.scriptAt, c.code = s.find(c.pid, c.script, c.env)
	if c.own() && filepath.IsAbs(c.scriptAt) {
		c.home = s.resolve(c.pid, homeOf(c.scriptAt))
	}
}

// suspect says, from what is cheap to see, whether the process may be a rival by
// what it runs, or by a socket that is or was at our path. Where the program
// cannot be seen its name decides: that of a script that is run by its own name
// is the script's.
func (s *search) suspect(pid int) bool {
	exe, err := identify(s.path(pid, "exe"))
	switch err {
	case nil:
		path, deleted := strings.CutSuffix(s.link(pid, "exe"), " (deleted)")
		return s.known && (exe == s.ours.exe || s.suspicious(filepath.Base(path)) || deleted && path == s.ours.path) || s.holds(pid)
	case unix.EACCES, unix.EPERM:
		name := strings.TrimSuffix(string(s.read(pid, "comm", mostText)), "\n")
		script := filepath.Base(s.ours.script)
		return s.known && (s.suspicious(name) || s.ours.script != "" && name == script[:min(len(script), commMax)])
	}
	return false // gone, a zombie, a kernel thread
}

// holds says whether the process has one of the sockets that are, or were, at
// our path.
func (s *search) holds(pid int) bool {
	return len(s.spots) > 0 && slices.ContainsFunc(s.sockets(pid), func(inode uint64) bool { _, ok := s.spots[inode]; return ok })
}

// commMax is how much of a name the kernel keeps: TASK_COMM_LEN less the NUL.
const commMax = 15

// suspicious says whether a program of that name may run what we do.
func (s *search) suspicious(name string) bool {
	kind := kindOf(name)
	if s.family != nil && s.family.runs(kind, name) {
		return true
	}
	return kind != "" && kind == s.ours.kind || manyInOne[name] && s.ours.kind == "sh"
}

// listening is where the process listens, as far as can be seen.
func (s *search) listening(c *candidate) (found []listener) {
	for _, inode := range c.sockets {
		if l, ok := s.listeners[inode]; ok {
			found = append(found, l)
		}
		for _, l := range c.strange {
			if l.inode == inode {
				found = append(found, l)
			}
		}
	}
	return found
}
