// Package webserver finds the processes of the web server before the backend,
// so that its memory can be shown beside ours. It is proved by a connection of
// its own to our listening socket; else it is a guess by the name, and said to
// be one.
package webserver

import "slices"

// known are the web servers that are looked for by themselves: their names in
// /proc/PID/comm. Not lighttpd-angel: it keeps a lighttpd running, as keepone
// keeps a backend, and serves nobody; counted with the web server it would make
// keepone look the smaller.
var known = []string{"lighttpd", "nginx", "apache2", "httpd", "caddy"}

// commMax is how much of a name the kernel keeps: TASK_COMM_LEN less the NUL,
// see proc_pid_comm(5).
const commMax = 15

// A Finder looks for one web server. It belongs to one goroutine. Once it has
// seen as many processes as there are it allocates nothing.
type Finder struct {
	names  []string
	scan   scan
	seen   []process // the candidates of this search, ascending by pid
	ours   []process // what the latest one found
	pids   []int     // theirs
	proved bool
}

// A process is a candidate.
type process struct {
	pid, parent int
	start       uint64 // ticks after boot; with the pid it is nobody else
	name        string // one of the Finder's
	root        int    // index of the first of its server
	former      bool   // was proved before
	chosen      bool   // of a root: its server is the one
}

// New returns a Finder of the web server whose processes have that name in
// /proc/PID/comm, or with "" of one of those that are known: lighttpd, nginx,
// apache2, httpd, caddy. A longer name is cut as the kernel cuts it.
func New(name string) *Finder {
	f := &Finder{names: known, scan: scan{root: "/proc"}}
	if name != "" {
		f.names = []string{name[:min(len(name), commMax)]}
	}
	return f
}

// Find searches all of /proc. It returns the live processes of the web server,
// which stay valid until the next search, and its name; nobody and "" when none
// is found.
//
// A server is a process with one of the names and its descendants of the same
// name. peers are the sockfs inodes at the other end of the connections that
// our socket accepted, as unix_diag tells them: who is seen to have one of them
// open is proved to be ours, and with it its server. That is remembered as long
// as a process of it lives, by pid and start time, and until another server is
// seen to be connected. Without a proof it is the only server on the host, if
// there is only one: proved is false then. In not are processes that are no web
// server whatever they are called, with their children: the backend's, which
// may be a caddy itself.
//
// Other users' descriptors can be seen by root alone: for an ordinary user
// there is a proof only of a web server that runs as that user. When /proc
// cannot be read, what was found before stands.
func (f *Finder) Find(peers []uint64, not []int) (pids []int, name string, proved bool) {
	if f.look(not) {
		f.choose(peers)
	}
	if len(f.ours) > 0 {
		name = f.ours[0].name
	}
	return f.pids, name, f.proved
}

// Pids appends what the latest search found to buf. A process that has ended
// since is still among them.
func (f *Finder) Pids(buf []int) []int { return append(buf, f.pids...) }

// look collects the candidates; false when some may be missing.
func (f *Finder) look(not []int) bool {
	f.seen = f.seen[:0]
	f.scan.failed = false
	f.scan.each(0, "", func(pid, _ int, _ *byte) bool {
		name := f.scan.name(pid, f.names)
		if name == "" {
			return true
		}
		p := process{pid: pid, name: name}
		if f.scan.stat(&p) && !slices.Contains(not, p.pid) && !slices.Contains(not, p.parent) {
			f.seen = append(f.seen, p)
		}
		return true
	})
	slices.SortFunc(f.seen, func(a, b process) int { return a.pid - b.pid })
	for i := range f.seen {
		p := &f.seen[i]
		p.root = f.rootOf(i)
		p.former = f.proved && slices.ContainsFunc(f.ours, func(o process) bool {
			return o.pid == p.pid && o.start == p.start && o.name == p.name
		})
	}
	return !f.scan.failed
}

// rootOf climbs to the first of the server that a candidate belongs to. A
// parent that began later is another process, of a number that was given away
// while we read.
func (f *Finder) rootOf(i int) int {
	for range f.seen {
		p := &f.seen[i]
		j, found := slices.BinarySearchFunc(f.seen, p.parent, func(c process, pid int) int { return c.pid - pid })
		if !found || f.seen[j].name != p.name || f.seen[j].start > p.start {
			break
		}
		i = j
	}
	return i
}

// choose finds out which of the candidates are our web server.
func (f *Finder) choose(peers []uint64) {
	f.proved = f.connected(peers) || f.remembered()
	if !f.proved {
		f.guess()
	}
	f.ours, f.pids = f.ours[:0], f.pids[:0]
	for _, p := range f.seen {
		if f.seen[p.root].chosen {
			f.ours = append(f.ours, p)
			f.pids = append(f.pids, p.pid)
		}
	}
}

// connected looks for one of the peers among the descriptors of the candidates,
// first of those that were proved before: as a rule it is there.
func (f *Finder) connected(peers []uint64) bool {
	if len(peers) == 0 {
		return false
	}
	f.scan.links = linksMost
	for _, former := range []bool{true, false} {
		for _, p := range f.seen {
			if p.former == former && f.scan.holds(p.pid, peers) {
				f.seen[p.root].chosen = true
				return true
			}
		}
	}
	return false
}

// remembered finds those of whom one was proved before. They may have several
// roots by now: when nginx is replaced in place, the former master goes before
// its last children.
func (f *Finder) remembered() (some bool) {
	for _, p := range f.seen {
		if p.former {
			f.seen[p.root].chosen = true
			some = true
		}
	}
	return some
}

// guess takes the only server that there is.
func (f *Finder) guess() {
	if len(f.seen) == 0 {
		return
	}
	root := f.seen[0].root
	for _, p := range f.seen {
		if p.root != root {
			return
		}
	}
	f.seen[root].chosen = true
}
