package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"syscall"
	"time"
)

// event is one kind of thing that befalls the site, how often, and what it may cost visitors: beside it and nowhere else.
type event struct {
	name   string
	weight int
	do     func(*chaos)
	cost   cost
}

// cost is what may fail because of an event; when is for the event to say (forgive). The zero cost is none.
type cost struct {
	requests, connects bool
	why                string
}

// events is the table. Requests that wait do not fail, so what only makes visitors wait costs nothing.
var events = []*event{
	{"restart-backend", 10, (*chaos).restart, cost{}},
	{"reload", 5, (*chaos).reload, cost{}},
	{"upgrade", 5, (*chaos).upgrade, cost{}},
	{"kill -9 backend", 6, (*chaos).killBackend, cost{requests: true,
		why: "what was in flight in it is lost"}},
	{"kill -9 frozen backend", 4, (*chaos).killFrozen, cost{requests: true,
		why: "what was sent before it was frozen may have been in flight in it"}},
	{"kill -9 keepone", 8, (*chaos).killSupervisor, cost{requests: true, connects: true,
		why: "while no backend and no shim lives either, nobody holds the socket; lighttpd asks a host that refused it again only after a second"}},
	{"freeze backend", 4, (*chaos).freezeBackend, cost{}},
	{"freeze keepone", 5, (*chaos).freezeKeepone, cost{}},
	{"remove the socket file", 3, (*chaos).removeSocket, cost{connects: true, requests: true,
		why: "until the kernel has told keepone, there is no file to connect to"}},
	{"start slowly", 3, func(c *chaos) { c.next("slow", 1) }, cost{}},
	{"fail ten starts", 2, func(c *chaos) { c.next("fails", 10) }, cost{}},
	{"fork away", 3, (*chaos).forkAway, cost{requests: true,
		why: "what a process accepted that its leader left behind is lost: it is ended as a leftover"}},
	{"leak", 3, (*chaos).leak, cost{}},
}

// draw picks an event by its weight.
func draw(random *rand.Rand) *event {
	sum := 0
	for _, e := range events {
		sum += e.weight
	}
	n := random.IntN(sum)
	for _, e := range events {
		if n -= e.weight; n < 0 {
			return e
		}
	}
	panic("weights do not add up")
}

// demand runs a command that must succeed on a site at rest, or lets it go on in the background beside what follows.
func (c *chaos) demand(verb string) {
	c.t.Helper()
	if c.random.IntN(2) == 0 {
		c.background(verb)
		return
	}
	c.settle()
	call := c.background(verb)
	c.until(verb+" returns", call.over)
	if code := call.p.cmd.ProcessState.ExitCode(); code != 0 {
		c.violated("%s of a site at rest ended with %d: %s", verb, code, tail(call.p.log))
	}
}

func (c *chaos) restart() { c.demand("restart-backend") }

// reload changes what takes effect at once and what waits for a restart. The file is replaced by rename: a keepone that
// starts meanwhile reads one or the other.
func (c *chaos) reload() {
	changed := maps.Clone(c.set)
	changed["environment.COLOUR"] = fmt.Sprint("colour ", c.random.IntN(3))
	changed["drain.patience"] = fmt.Sprint(50+c.random.IntN(300), "ms")
	file := c.config
	c.config += ".new"
	c.configure(changed)
	c.config = file
	c.must(os.Rename(file+".new", file))
	c.demand("reload")
}

func (c *chaos) upgrade() {
	c.install(c.program, keepone)
	c.demand("upgrade")
}

func (c *chaos) killBackend() {
	pid, from := c.last().pid, time.Now()
	if !c.slay(pid) {
		c.note("no backend to kill")
		return
	}
	c.note("killed process %d", pid)
	c.forgive(c.now, pardon{from: from, to: time.Now()})
}

// killFrozen is exact: what was sent after the backend stood still cannot have been accepted by it, so it must be served
// by the next one.
func (c *chaos) killFrozen() {
	pid := c.last().pid
	if !c.freeze(pid) {
		c.note("no backend to kill")
		return
	}
	frozen := time.Now()
	c.pause(time.Duration(c.random.IntN(500)) * time.Millisecond)
	if !c.slay(pid) {
		c.note("process %d was ended while it was frozen", pid) // by keepone; then nothing had been in flight
		return
	}
	c.note("killed process %d, frozen %v before", pid, time.Since(frozen).Round(time.Millisecond))
	c.forgive(c.now, pardon{from: frozen, to: time.Now(), sentBefore: frozen})
}

// killSupervisor kills keepone in whatever state, at rest, or in the worst one: while it drains. At rest its backend must
// not even notice.
func (c *chaos) killSupervisor() {
	kind := c.random.IntN(4)
	after := time.Duration(c.random.IntN(400)) * time.Millisecond
	switch kind {
	case 0:
		c.settle()
	case 1:
		c.drain()
	}
	if !c.supervisor.alive() {
		c.note("no keepone to kill")
		return
	}
	c.kills(after)
	if pid := c.last().pid; kind == 0 && !running(pid) {
		c.violated("process %d ended with its keepone", pid)
	}
}

// drain returns in the middle of a restart, which a slow request holds up.
func (c *chaos) drain() {
	old := c.settle().Backend.PID
	c.traffic.ask("/sleep?ms=1500")
	c.background("restart-backend")
	c.until("it drains", func() bool {
		st, ok := c.status()
		return ok && (st.State == "draining" || st.Backend.PID != old)
	})
	c.note("a restart is under way")
}

func (c *chaos) freezeBackend() {
	pid := c.last().pid
	if !c.freeze(pid) {
		c.note("no backend to freeze")
		return
	}
	defer c.signal(pid, syscall.SIGCONT)
	c.note("froze process %d", pid)
	c.pause(time.Duration(c.random.IntN(2000)) * time.Millisecond)
}

func (c *chaos) freezeKeepone() {
	pid := c.supervisor.pid()
	if !c.supervisor.alive() || !c.freeze(pid) {
		c.note("no keepone to freeze")
		return
	}
	defer c.signal(pid, syscall.SIGCONT)
	c.note("froze keepone")
	c.pause(time.Duration(c.random.IntN(2000)) * time.Millisecond)
}

// removeSocket also waits until somebody can connect again, so that the cost ends.
func (c *chaos) removeSocket() {
	if c.random.IntN(2) == 0 {
		c.settle()
	}
	from := time.Now()
	if err := os.Remove(c.socket); err != nil {
		c.note("no file to remove: %v", err)
		return
	}
	c.until("the socket is back", func() bool {
		conn, err := c.connect()
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	c.note("the socket was away for %v", time.Since(from).Round(time.Microsecond))
	c.forgive(c.now, pardon{from: from, to: time.Now()})
}

// next puts the next backend into a mood, and makes that there is one.
func (c *chaos) next(mood string, n int) {
	c.mood(mood, n)
	c.background("restart-backend")
}

func (c *chaos) forkAway() {
	c.forked = c.now
	c.next("forks", 1)
}

// leak makes the backend larger, beyond its soft limit when that happens to one often enough; keepone only counts that
// against a backend that has lived for a minute.
func (c *chaos) leak() { c.traffic.ask(fmt.Sprint("/leak?mb=", 10+c.random.IntN(30))) }
