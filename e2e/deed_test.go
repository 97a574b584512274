package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ways are how a double may come, and who it is then.
var ways = []struct {
	name  string
	start func(r *rogue) *double
}{
	{"nohup", func(r *rogue) *double { return r.byHand(r.own()) }},
	{"nohup without a socket", func(r *rogue) *double { return r.orphan("", "nohup", r.plan.command...) }},
	{"other arguments", func(r *rogue) *double {
		own := r.own()
		return r.orphan(own, "setsid", append(slices.Clone(r.plan.command), "verbose", "bind="+own)...)
	}},
	{"at our path", func(r *rogue) *double { return r.byHand(r.socket) }},
	{"supervisord", func(r *rogue) *double { return r.supervised(r.own()) }},
	{"bin-path", func(r *rogue) *double {
		web, url := r.web, r.url
		d := r.binPath(r.socket, filepath.Join(r.dir, "double.py"))
		r.web, r.url = web, url
		return d
	}},
	{"another launcher", func(r *rogue) *double {
		own := r.own()
		d := r.orphan(own, "nohup", r.plan.command[0], "manage.py", "runserver", "bind="+own)
		d.rule = "launcher"
		return d
	}},
}

// own is a path that nobody has used.
func (r *rogue) own() string { return r.path(fmt.Sprintf("own%d.sock", r.number)) }

// another starts a double. Of each kind that has a place of its own there is one at a time.
func (r *rogue) another() {
	if len(r.alive) >= mostDoubles {
		r.ends(0)
	}
	way := ways[r.random.IntN(len(ways))]
	for _, d := range r.alive {
		if d.way == way.name {
			r.note("another by %s is there already", way.name)
			return
		}
	}
	d := way.start(r)
	d.way = way.name
	r.alive, r.ever[d.pid] = append(r.alive, d), d
	r.note("by %s: process %d at %q", way.name, d.pid, d.socket)
}

// ends lets one of the doubles go, if there is that one.
func (r *rogue) ends(i int) {
	if i < len(r.alive) {
		r.note("process %d goes", r.alive[i].pid)
		r.alive[i].gone()
	}
	r.forget()
}

// forget drops the doubles that have ended, and ends who had looked after them.
func (r *rogue) forget() {
	r.alive = slices.DeleteFunc(r.alive, func(d *double) bool {
		if running(d.pid) {
			return false
		}
		if d.by != nil {
			d.gone()
		}
		return true
	})
}

func (r *rogue) restart() {
	rivals := len(r.alive)
	a := r.keepone("restart-backend")
	if r.note("exit code %d: %.200s", a.code, a.err); a.code == 0 {
		r.stopped = false
	}
	if (a.code == 0) == (rivals > 0) {
		r.t.Errorf("#%d: restart-backend beside %d rivals: exit code %d\n%s", r.number, rivals, a.code, a.err)
	}
	r.stopped = r.stopped && a.code != 0 && !strings.Contains(a.err, "another interpreter runs")
}

func (r *rogue) starts() {
	st, _ := r.status()
	rivals := len(r.alive)
	a := r.keepone("start-backend")
	r.note("exit code %d: %.200s", a.code, a.err)
	if st.State == "up" && a.code != 0 || st.State == "down" && (a.code == 0) == (rivals > 0) {
		r.t.Errorf("#%d: start-backend in state %s, beside %d rivals: exit code %d\n%s", r.number, st.State, rivals, a.code, a.err)
	}
	r.stopped = false
}

func (r *rogue) crash() {
	if st, ok := r.status(); ok && st.State == "up" {
		r.kill(st.Backend.PID)
		r.note("killed process %d", st.Backend.PID)
		r.awaitThat("keepone knows", func(now state) bool { return now.Backend.PID != st.Backend.PID })
	}
}

// killed also starts keepone again, as an init does: as often as it takes.
func (r *rogue) killed() {
	r.t.Helper()
	r.killKeepone()
	for n := 1; ; n++ {
		r.startKeepone()
		answers := false
		await(r.t, 30*time.Second, "keepone answers or has ended", func() bool {
			st, ok := r.status()
			answers = ok && st.Supervisor.PID == r.supervisor.pid()
			return answers || !r.supervisor.alive()
		})
		if answers {
			return
		}
		if r.note("keepone did not start: %s", tail(r.supervisor.log)); n == 3 {
			r.t.Fatalf("#%d: keepone does not start: %s", r.number, tail(r.supervisor.log))
		}
	}
}

// takesOver ends every rival where no backend of ours is up, but whom lighttpd would start again.
func (r *rogue) takesOver() {
	st, _ := r.status()
	again := slices.ContainsFunc(r.alive, func(d *double) bool { return d.way == "bin-path" })
	a := r.keepone("start-backend", "--take-over", "--now")
	r.note("in state %s: exit code %d: %.300s", st.State, a.code, a.err)
	switch settled := st.State == "blocked" || st.State == "down"; {
	case settled && !again && a.code != 0, settled && again && (a.code != 1 || !strings.Contains(a.err, "for the move")), st.State == "up" && a.code != 1:
		r.t.Errorf("#%d: take-over in state %s: exit code %d\n%s", r.number, st.State, a.code, a.err)
	case a.code == 0:
		r.stopped = false
		for _, d := range r.alive {
			if running(d.pid) {
				r.t.Errorf("#%d: process %d outlives its being taken over", r.number, d.pid)
			}
		}
	}
}

// audit demands that everybody who is there is named, in full, and nobody else, and that the state fits.
func (r *rogue) audit() {
	r.t.Helper()
	r.forget()
	if r.stopped { // then nobody looks
		return
	}
	want := make([]int, 0, len(r.alive))
	for _, d := range r.alive {
		want = append(want, d.pid)
	}
	slices.Sort(want)
	r.note("audit: %v are to be named", want)
	var st state
	await(r.t, 30*time.Second, fmt.Sprintf("#%d: %v are named", r.number, want), func() bool {
		st, _ = r.status()
		r.strangers(st)
		for _, d := range r.alive {
			if !slices.ContainsFunc(st.Rivals, d.seen) {
				return false
			}
		}
		return slices.Equal(named(st), want) && (st.State == "up" || st.State == "blocked" && len(want) > 0)
	})
	r.refused() // nobody of them was named before, or nothing was spawned since
	for _, other := range st.Rivals {
		r.ever[other.PID].check(other)
		r.ever[other.PID].named = true
	}
	r.spawns = max(r.spawns, len(r.backends()))
	r.note("state %s, generation %d, backend %d", st.State, st.Socket.Generation, st.Backend.PID)
	r.crowd.check(r)
}

func named(st state) []int {
	pids := make([]int, 0, len(st.Rivals))
	for _, other := range st.Rivals {
		pids = append(pids, other.PID)
	}
	slices.Sort(pids)
	return pids
}

// strangers demands that whoever is named was started by the rogue.
func (r *rogue) strangers(st state) {
	r.t.Helper()
	for _, other := range st.Rivals {
		if r.ever[other.PID] == nil {
			r.t.Fatalf("#%d: a false alarm: %+v", r.number, other)
		}
	}
}

// rest lets all of them go, and demands that the site is up by itself and only ours answers.
func (r *rogue) rest() {
	r.t.Helper()
	for len(r.alive) > 0 {
		r.ends(0)
	}
	if r.stopped {
		r.do("start-backend")
	}
	st := r.awaitThat("the site is up and nobody is named", func(st state) bool { return st.State == "up" && len(st.Rivals) == 0 })
	await(r.t, 30*time.Second, "visitors are served", func() bool { return ask(newClient(), r.url, "/fast").err == nil })
	for range 10 {
		if o := ask(newClient(), r.url, "/fast"); o.err != nil || o.backend != st.Backend.PID {
			r.t.Errorf("answered by %d, the backend is %d: %v", o.backend, st.Backend.PID, o.err)
		}
	}
	r.do("restart-backend")
	r.crowd.check(r)
	r.crowd.tell(r.t)
}

// backends are the processes that were ever spawned as the backend, as double.py says.
func (r *rogue) backends() map[int]bool {
	text, _ := os.ReadFile(r.path("lock.pids")) // none yet
	all := map[int]bool{}
	for _, word := range strings.Fields(string(text)) {
		pid, _ := strconv.Atoi(word)
		all[pid] = true
	}
	return all
}
