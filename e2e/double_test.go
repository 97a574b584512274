package e2e

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// otherInterpreter is one of .rivals in `keepone status --json`.
type otherInterpreter struct {
	PID                                   int
	User, Command, Rule, Why, Origin, End string
	AtPath                                bool `json:"at_path"`
	Returns                               bool
	Listens                               []string
}

// double is a process that is the site's backend, and that the test has somebody start.
type double struct {
	s      *site
	pid    int      // of the one that serves
	socket string   // where it listens; "" for nowhere
	by     *process // who looks after it: supervisord, lighttpd; nil for nobody
	stop   []string // what ends it for good; nil for a signal
	way    string   // how it came, where that is counted
	named  bool     // in status, at some time

	rule, origin, end string // as keepone is to name it; origin is a regular expression
}

// newDoubleSite is a site whose backend is double.py, at a path in a directory that others may write to. Nothing runs.
func newDoubleSite(t *testing.T, front string, set settings) *site {
	t.Helper()
	s := newSite(t, plan{front: front, command: []string{need(t, "python3"), "double.py"}})
	s.socket = s.path("app.sock")
	s.plan.settings = settings{"backend.command": s.plan.command, "drain.patience": "200ms", "backoff.limit": "500ms"}
	for key, value := range set {
		s.plan.settings[key] = value
	}
	s.configure(s.plan.settings)
	return s
}

// bound is where whoever is started with this environment listens.
func bound(env []string, path string) []string { return append(slices.Clone(env), "E2E_BIND="+path) }

// nobodyAlive names those who have started something and are gone: a parent that was ended, a login session where the
// test itself runs in one, a unit of the build machine's.
const nobodyAlive = `^(nobody that still lives|a (login )?session of |a login |the systemd unit |cron)`

// orphan runs a program below a shell that does not wait for it, as a line in rc.local does: its parent is gone at once.
// with is what the shell puts before it.
func (s *site) orphan(socket, with string, argv ...string) *double {
	s.t.Helper()
	file := s.path("pid." + strconv.FormatInt(time.Now().UnixNano(), 36))
	shell := `cd "$1" || exit; file=$2; shift 2; ` + with + ` "$@" >>var/nohup.log 2>&1 </dev/null & echo $! >"$file"`
	_, uid := account()
	sh, err := start(s.path("sh.log"), bound(s.environ(), socket), uid, append([]string{"/bin/sh", "-c", shell, "sh", s.dir, file}, argv...)...)
	s.must(err)
	<-sh.exited
	text, err := os.ReadFile(file)
	s.must(err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	s.must(err)
	d := &double{s: s, pid: pid, socket: socket, rule: "script", origin: nobodyAlive, end: fmt.Sprintf("kill %d", pid)}
	d.awaitReady()
	return d
}

// byHand starts the very command of the backend with nohup, at a path of its own choice.
func (s *site) byHand(socket string) *double {
	s.t.Helper()
	return s.orphan(socket, "nohup", s.plan.command...)
}

// commandOf is the command line of a process; "" when it is gone.
func commandOf(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // gone is as good as empty
	return strings.TrimSpace(strings.ReplaceAll(string(text), "\x00", " "))
}

// awaitReady waits until the double is the program, and listens where it is to.
func (d *double) awaitReady() {
	d.s.t.Helper()
	await(d.s.t, 30*time.Second, fmt.Sprintf("the double, process %d, listens at %q", d.pid, d.socket), func() bool {
		if !running(d.pid) {
			d.s.t.Fatalf("the double is gone: %s", tail(d.s.path("nohup.log")))
		}
		return strings.Contains(commandOf(d.pid), "python3") && (d.socket == "" || d.s.answering(d.socket) == d.pid)
	})
}

// listenersAt are the inodes of the listening sockets that were bound to a path, by /proc/net/unix.
func listenersAt(path string) (inodes []string) {
	text, _ := os.ReadFile("/proc/net/unix")
	for line := range strings.Lines(string(text)) { // proc_net(5): Num RefCount Protocol Flags Type St Inode Path
		f := strings.Fields(line)
		if len(f) == 8 && f[7] == path && f[3] == "00010000" {
			inodes = append(inodes, f[6])
		}
	}
	return inodes
}

// answering returns the process that has a listening socket bound to a path as descriptor 0; 0 for nobody.
func (s *site) answering(path string) int {
	inodes := listenersAt(path)
	for _, pid := range s.processes() {
		to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", pid)) // gone meanwhile
		for _, inode := range inodes {
			if to == "socket:["+inode+"]" {
				return pid
			}
		}
	}
	return 0
}

// supervised starts supervisord with one program, app, which is started again whenever it ends.
func (s *site) supervised(socket string) *double {
	s.t.Helper()
	user := ""
	if name, uid := account(); uid >= 0 {
		user = "user=" + name
	}
	need(s.t, "supervisorctl")
	conf := s.path("supervisord.conf")
	s.must(os.WriteFile(conf, fmt.Appendf(nil, `[supervisord]
nodaemon=true
pidfile=%[1]s/var/supervisord.pid
logfile=%[1]s/var/supervisord.log
[unix_http_server]
file=%[1]s/var/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%[1]s/var/supervisor.sock
[program:app]
command=%[2]s
directory=%[1]s
autorestart=true
startsecs=0
environment=E2E_BIND=%[3]q
%[4]s
`, s.dir, strings.Join(s.plan.command, " "), socket, user), 0o644))
	by, err := start(s.path("supervisord.out"), s.environ(), -1, need(s.t, "supervisord"), "-c", conf)
	s.must(err)
	d := &double{s: s, socket: socket, by: by, stop: []string{"supervisorctl", "-c", conf, "stop", "app"}, rule: "script"}
	d.origin = fmt.Sprintf(`^supervisord \(process %d\), as app$`, by.pid())
	d.end = strings.Join(d.stop, " ")
	await(s.t, 30*time.Second, "the program of supervisord listens", func() bool {
		d.pid = s.answering(socket)
		return d.pid != 0
	})
	return d
}

// binPath starts a lighttpd that starts the double itself, at PATH-0. It is the site's web server then.
func (s *site) binPath(path, program string) *double {
	s.t.Helper()
	s.plan.bin, s.plan.front = program, "lighttpd"
	was := s.socket
	s.socket = path
	s.startWeb()
	s.socket, s.plan.bin = was, ""
	d := &double{s: s, socket: path + "-0", by: s.web, rule: "script"}
	await(s.t, 30*time.Second, "lighttpd's bin-path listens", func() bool {
		d.pid = s.leader(s.answering(d.socket))
		return d.pid != 0
	})
	d.origin = fmt.Sprintf(`^lighttpd \(process %d\), as its bin-path$`, s.web.pid())
	d.end = fmt.Sprintf("kill %d; lighttpd starts it again unless bin-path is taken out of its configuration", d.pid)
	return d
}

// leader is the topmost process with the command of pid, which may be one of the children of php-cgi.
func (s *site) leader(pid int) int {
	for pid != 0 {
		_, parent, _, ok := stat(pid)
		if !ok || commandOf(parent) != commandOf(pid) {
			return pid
		}
		pid = parent
	}
	return 0
}

// gone ends it for good, as whoever runs it would, and waits.
func (d *double) gone() {
	d.s.t.Helper()
	if d.by != nil {
		d.by.end(syscall.SIGTERM, 20*time.Second)
	} else if p, err := os.FindProcess(d.pid); err == nil && slices.Contains(d.s.processes(), d.pid) {
		_ = p.Signal(syscall.SIGTERM) // it may be gone, which is what is wanted
	}
	await(d.s.t, 20*time.Second, fmt.Sprintf("the double, process %d, is gone", d.pid), func() bool { return !running(d.pid) })
}

// named demands that keepone names the double, and nobody else, in full.
func (s *site) named(d *double) otherInterpreter {
	s.t.Helper()
	var st state
	await(s.t, 30*time.Second, fmt.Sprintf("process %d is named", d.pid), func() bool {
		st, _ = s.status()
		return slices.ContainsFunc(st.Rivals, d.seen)
	})
	if len(st.Rivals) != 1 {
		s.t.Errorf("others are named beside process %d: %+v", d.pid, st.Rivals)
	}
	return d.check(st.Rivals[slices.IndexFunc(st.Rivals, d.seen)])
}

// seen says that it is the double, and was not looked at before it listened.
func (d *double) seen(r otherInterpreter) bool {
	return r.PID == d.pid && (d.socket == "" || len(r.Listens) > 0)
}

// check compares what is said of a double with what it is.
func (d *double) check(r otherInterpreter) otherInterpreter {
	d.s.t.Helper()
	user, _ := account()
	rule := d.rule
	if d.socket == d.s.socket { // before anything else
		rule = "path"
	}
	if r.User != user || r.Rule != rule || r.End != d.end || !regexp.MustCompile(d.origin).MatchString(r.Origin) {
		d.s.t.Errorf("it is said: %+v\nit should be: user %s, rule %s, origin %s, end %q", r, user, rule, d.origin, d.end)
	}
	if !strings.Contains(commandOf(d.pid), strings.TrimSuffix(r.Command, "...")) {
		d.s.t.Errorf("command %q, not %q", r.Command, commandOf(d.pid))
	}
	if d.socket != "" && !slices.Equal(r.Listens, []string{d.socket}) {
		d.s.t.Errorf("it listens at %q, not %q", r.Listens, d.socket)
	}
	if r.AtPath != (d.socket == d.s.socket) {
		d.s.t.Errorf("at our path %s: %v", d.s.socket, r.AtPath)
	}
	return r
}
