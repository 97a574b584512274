package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	chaosEvents   = 20          // of a short run
	chaosPatience = time.Minute // for anything that is waited for
	restEvery     = 50          // events between two looks at what is left behind
	journalTail   = 60          // lines that a failure shows
	chaosSoft     = "60MiB"     // passed by some leaks
)

// chaos is one run. The test's goroutine owns all of it; traffic tells it what failed by a channel.
type chaos struct {
	*site
	seed     uint64
	set      settings
	program  string // keepone's own path
	began    time.Time
	journal  []string
	number   int        // of the present event
	now      *event     // the present event
	random   *rand.Rand // the present event's: what one event draws changes nothing for the next
	traffic  *traffic
	pardons  []pardon
	calls    []*call
	init     tinyInit
	forked   *event // whose backends fork away
	read     int    // entries of the diary that were looked at for that
	files    []string
	counts   map[string]int // events
	forgiven map[string]int // failures, by whose line in the table
}

// TestChaos lets random things befall a site under load, in an order that its seed says, and holds every law all the
// time. CHAOS_SEED plays a run again, CHAOS_EVENTS or CHAOS_MINUTES say how long it is, CHAOS_TCP=1 that the socket is
// at an address; how the processes interleave is the machine's.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("chaos takes half a minute")
	}
	t.Parallel()
	c := newChaos(t)
	long := number(t, "CHAOS_MINUTES", 0)
	events := number(t, "CHAOS_EVENTS", chaosEvents)
	end := c.began.Add(time.Duration(long) * time.Minute)
	for c.number < int(events) && long == 0 || long > 0 && time.Now().Before(end) {
		c.number++
		c.random = rand.New(rand.NewPCG(c.seed, uint64(c.number)))
		c.now = draw(c.random)
		c.counts[c.now.name]++
		c.note("%s", c.now.name)
		c.now.do(c)
		c.pause(time.Duration(c.random.IntN(250)) * time.Millisecond)
		if c.number%restEvery == 0 {
			c.rest()
		} else if c.random.IntN(3) == 0 {
			c.settle()
		}
	}
	c.rest()
	c.sum()
}

// sum waits for the last visitors, judges, and says what it was all about.
func (c *chaos) sum() {
	t := c.t
	c.traffic.stop()
	c.judge()
	t.Logf("seed %d: %d events in %v, %d requests, %d knocks, longest answer %v", c.seed, c.number,
		time.Since(c.began).Round(time.Second), c.traffic.sent.Load(), c.traffic.knocks.Load(),
		time.Duration(c.traffic.longest.Load()).Round(time.Millisecond))
	t.Logf("events: %v\nforgiven: %v", c.counts, c.forgiven)
	for why, n := range c.init.refused {
		t.Logf("keepone did not start, %d times: %s", n, why)
	}
}

func number(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

func newChaos(t *testing.T) *chaos {
	command, set := backend(t, "threaded.py")
	set["drain.patience"], set["backoff.limit"], set["memory.soft"] = "200ms", "500ms", chaosSoft
	c := &chaos{began: time.Now(), set: set, counts: map[string]int{}, forgiven: map[string]int{}, init: tinyInit{refused: map[string]int{}}}
	c.seed = number(t, "CHAOS_SEED", rand.Uint64N(1_000_000))
	t.Logf("CHAOS_SEED=%d", c.seed)
	at := ""
	if number(t, "CHAOS_TCP", 0) > 0 {
		at = freeAddress(t, "127.0.0.1")
	}
	c.site = newSite(t, plan{front: "lighttpd", command: append([]string{"./mood.sh", "var"}, command...), at: at, settings: set})
	t.Cleanup(c.tell) // before the site's own end
	c.mood("well", 0)
	c.program = c.own()
	c.startAs(c.program)
	st := c.await("up")
	c.fds = descriptors(t, c.supervisor.pid())
	c.files = c.left()
	c.startWeb()
	c.note("process %d is up", st.Backend.PID)
	c.traffic = c.startTraffic()
	t.Cleanup(c.traffic.stop)
	return c
}

// note writes a line into the journal.
func (c *chaos) note(format string, args ...any) {
	c.journal = append(c.journal, fmt.Sprintf("%8.3f #%d ", time.Since(c.began).Seconds(), c.number)+fmt.Sprintf(format, args...))
}

// violated ends the run.
func (c *chaos) violated(format string, args ...any) {
	c.t.Helper()
	c.note("VIOLATION: "+format, args...)
	c.t.Fatalf("at %s: "+format, append([]any{time.Now().Format("15:04:05.000")}, args...)...)
}

// tell shows how a failed run came to its end.
func (c *chaos) tell() {
	if !c.t.Failed() {
		return
	}
	c.t.Logf("CHAOS_SEED=%d, began at %s, the journal:\n%s", c.seed, c.began.Format("15:04:05.000"),
		strings.Join(c.journal[max(0, len(c.journal)-journalTail):], "\n"))
	c.t.Logf("diary: \n%s", tail(c.path("diary")))
	if keep := os.Getenv("CHAOS_KEEP"); keep != "" { // a directory for the whole of it
		c.must(os.MkdirAll(keep, 0o755), os.WriteFile(filepath.Join(keep, "journal"), []byte(strings.Join(c.journal, "\n")), 0o644),
			copyFile(filepath.Join(keep, "keepone.log"), filepath.Join(c.dir, "keepone.log")),
			copyFile(filepath.Join(keep, "diary"), c.path("diary")))
	}
}

// until waits while the init does its duty, and never for ever.
func (c *chaos) until(what string, ok func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(chaosPatience); !ok(); c.pause(10 * time.Millisecond) {
		c.alone()
		if time.Now().After(deadline) {
			st, _ := c.status()
			c.violated("waited %v in vain until %s; status: %+v", chaosPatience, what, st)
		}
	}
}

// pause lets time pass, in which a killed keepone is started again.
func (c *chaos) pause(d time.Duration) {
	c.t.Helper()
	for end := time.Now().Add(d); ; {
		c.attend()
		left := time.Until(end)
		if left <= 0 {
			return
		}
		time.Sleep(min(left, 10*time.Millisecond))
	}
}

// settle waits until everything that was begun is over and the backend is up, whatever befell it, and judges what failed
// until then.
func (c *chaos) settle() state {
	c.t.Helper()
	var st state
	c.until("commands are answered and the backend is up", func() bool {
		c.calls = slices.DeleteFunc(c.calls, (*call).over)
		if len(c.calls) > 0 || !c.init.answers() {
			return false
		}
		var ok bool
		st, ok = c.status()
		return ok && st.State == "up" && st.Supervisor.PID == c.supervisor.pid() &&
			st.Backend.PID == c.last().pid && running(st.Backend.PID)
	})
	c.mood("well", 0) // what nobody has used up
	c.note("up: process %d, generation %d", st.Backend.PID, st.Socket.Generation)
	c.judge()
	return st
}
