package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tinyInit starts keepone again when it was killed, as an init system does. It attends while the test pauses.
type tinyInit struct {
	due      time.Time // when keepone is started again; zero while it runs
	starting bool      // it has been started and has not answered yet
	since    time.Time // the kill
	cost     *event    // what was to blame for it
	widowed  time.Time // since when no process held the socket; zero while one does
	refused  map[string]int
}

func (i *tinyInit) answers() bool { return i.due.IsZero() && !i.starting }

// kills ends keepone and starts it again after some time.
func (c *chaos) kills(after time.Duration) {
	c.t.Helper()
	at := time.Now()
	c.killKeepone()
	c.note("killed keepone, process %d; it comes back in %v", c.supervisor.pid(), after)
	c.init.since, c.init.due, c.init.cost, c.init.widowed = at, time.Now().Add(after), c.now, time.Time{}
	c.mourn(at)
}

// mourn finds out whether anybody still holds the socket: any process of the backend's tree, or a shim.
func (c *chaos) mourn(since time.Time) {
	if c.init.widowed.IsZero() && len(c.holders()) == 0 {
		c.init.widowed = since
		c.note("nobody holds the socket")
	}
}

// holders are the processes of the site besides keepone, web server and the commands that were given.
func (c *chaos) holders() []int {
	return slices.DeleteFunc(c.processes(), func(pid int) bool {
		return pid == c.supervisor.pid() || pid == c.web.pid() ||
			slices.ContainsFunc(c.calls, func(call *call) bool { return call.p.pid() == pid })
	})
}

// attend is the init's duty. A keepone that ends although nobody killed it is a violation, but one that refuses to
// start is started again: what it refuses may go away.
func (c *chaos) attend() {
	c.t.Helper()
	i := &c.init
	switch {
	case i.answers():
		if !c.supervisor.alive() {
			c.violated("keepone ended by itself: %v\n%s", c.supervisor.cmd.ProcessState, tail(c.supervisor.log))
		}
	case !i.due.IsZero():
		c.mourn(time.Now())
		if time.Now().After(i.due) {
			c.startAs(c.program)
			i.due, i.starting = time.Time{}, true
			c.note("started keepone, process %d", c.supervisor.pid())
		}
	case !c.supervisor.alive():
		lines := strings.Split(strings.TrimSpace(tail(c.supervisor.log)), "\n")
		c.note("keepone did not start: %s", strings.Join(lines[max(0, len(lines)-2):], " / "))
		i.refused[lines[len(lines)-1]]++
		if time.Since(i.since) > chaosPatience {
			c.violated("keepone does not start any more: %s", strings.Join(lines, "\n"))
		}
		i.due, i.starting = time.Now().Add(100*time.Millisecond), false
	default:
		c.greet()
	}
}

// greet looks whether the new keepone answers yet.
func (c *chaos) greet() {
	c.mourn(time.Now())
	if st, ok := c.status(); !ok || st.Supervisor.PID != c.supervisor.pid() {
		return
	}
	c.init.starting = false
	c.note("keepone answers")
	if !c.init.widowed.IsZero() {
		c.forgive(c.init.cost, pardon{from: c.init.since, to: time.Now()})
	}
}

// call is a command that goes on beside other things.
type call struct {
	verb string
	p    *process
}

func (c *call) over() bool { return !c.p.alive() }

func (c *chaos) background(verb string) *call {
	c.t.Helper()
	log := filepath.Join(c.dir, "call."+itoa(c.number))
	p, err := start(log, c.environ(), -1, keepone, verb, "-c", c.config, "--run-dir", c.run)
	c.must(err)
	new := &call{verb, p}
	c.calls = append(slices.DeleteFunc(c.calls, (*call).over), new)
	return new
}

// entry is one start of a backend.
type entry struct {
	at   time.Time
	pid  int
	mood string
}

// diary is what mood.sh wrote.
func (c *chaos) diary() []entry {
	text, err := os.ReadFile(c.path("diary"))
	c.must(err)
	var all []entry
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue // it was killed while it wrote
		}
		seconds, nanos, _ := strings.Cut(f[0], ".")
		s, _ := strconv.ParseInt(seconds, 10, 64)
		n, _ := strconv.ParseInt(nanos, 10, 64)
		pid, _ := strconv.Atoi(f[1])
		all = append(all, entry{time.Unix(s, n), pid, f[2]})
	}
	return all
}

// last is the latest backend, dead or alive.
func (c *chaos) last() entry {
	all := c.diary()
	if len(all) == 0 {
		return entry{}
	}
	return all[len(all)-1]
}

// mood says how the next backend behaves, and by rename: it may be starting now.
func (c *chaos) mood(kind string, n int) {
	c.t.Helper()
	c.must(os.WriteFile(c.path("mood.new"), []byte(kind+" "+itoa(n)+"\n"), 0o644))
	if _, uid := account(); uid >= 0 {
		c.must(os.Chown(c.path("mood.new"), uid, uid))
	}
	c.must(os.Rename(c.path("mood.new"), c.path("mood")))
}

// signal sends one to a process of the site; false when it is gone.
func (c *chaos) signal(pid int, sig syscall.Signal) bool {
	p, err := os.FindProcess(pid) // a pidfd: looked at again once it is held
	return err == nil && slices.Contains(c.processes(), pid) && p.Signal(sig) == nil
}

// slay kills a process and waits until it is dead, for only then can keepone know; false when it was gone.
func (c *chaos) slay(pid int) bool {
	c.t.Helper()
	if !c.signal(pid, syscall.SIGKILL) {
		return false
	}
	await(c.t, chaosPatience, "process "+itoa(pid)+" is dead", func() bool { return !running(pid) })
	return true
}

// freeze stops a process and waits until each of its threads stands still; false when it is gone.
func (c *chaos) freeze(pid int) bool {
	if !c.signal(pid, syscall.SIGSTOP) {
		return false
	}
	for deadline := time.Now().Add(chaosPatience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		tasks, _ := filepath.Glob("/proc/" + itoa(pid) + "/task/*/stat") // the pattern is valid
		if len(tasks) == 0 || !running(pid) {
			return false
		}
		if !slices.ContainsFunc(tasks, func(task string) bool {
			text, err := os.ReadFile(task)
			return err == nil && !strings.Contains(string(text), ") T ")
		}) {
			return true
		}
	}
	c.violated("process %d does not stop", pid)
	return false
}
