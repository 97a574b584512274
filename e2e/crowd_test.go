package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowd is the visitors while a rogue is about, and somebody who counts the backends all the time.
type crowd struct {
	answers  chan outcome
	overlaps chan []int // processes that were seen at one time
	quit     chan struct{}
	over     sync.WaitGroup
	counted  atomic.Int64
	served   map[int]int // answers by pid
	failed   int
}

// newCrowd begins it; it goes on until the test ends.
func (r *rogue) newCrowd(t *testing.T) *crowd {
	c := &crowd{answers: make(chan outcome, 100_000), overlaps: make(chan []int, 1), quit: make(chan struct{}), served: map[int]int{}}
	client := newClient()
	client.Timeout = 5 * time.Second // a blocked site keeps them waiting, and they come again
	url := r.url
	for range 4 {
		c.every(30*time.Millisecond, func() { c.answers <- ask(client, url, "/fast") })
	}
	program, err := os.Stat(keepone)
	r.must(err)
	c.every(20*time.Millisecond, func() {
		c.counted.Add(1)
		if pids := r.site.marked(program); len(pids) > 1 {
			select {
			case c.overlaps <- pids:
			default:
			}
		}
	})
	t.Cleanup(func() { close(c.quit); c.over.Wait() })
	return c
}

func (c *crowd) every(pause time.Duration, do func()) {
	c.over.Go(func() {
		for {
			select {
			case <-c.quit:
				return
			case <-time.After(pause):
				do()
			}
		}
	})
}

// check looks at all that was seen so far.
func (c *crowd) check(r *rogue) {
	r.t.Helper()
	if two, _ := os.ReadFile(r.path("violations")); len(two) > 0 { // no file, no violation
		r.t.Fatalf("#%d: two backends ran at a time: %s", r.number, two)
	}
	select {
	case pids := <-c.overlaps:
		r.t.Fatalf("#%d: keepone has spawned %v, and all of them live", r.number, pids)
	default:
	}
	ours := r.backends()
	for len(c.answers) > 0 {
		o := <-c.answers
		if o.err != nil {
			if c.failed++; c.failed%20 == 1 {
				r.note("the %d. visitor is not served, since %v", c.failed, o.err)
			}
			continue
		}
		c.served[o.backend]++
		if d := r.ever[o.backend]; !ours[o.backend] && (d == nil || d.socket != r.socket) {
			r.t.Fatalf("#%d: process %d has answered a visitor, which is neither ours nor a rival at the path", r.number, o.backend)
		}
	}
}

// tell says what it was all about.
func (c *crowd) tell(t *testing.T) {
	t.Helper()
	sum := 0
	for _, n := range c.served {
		sum += n
	}
	t.Logf("%d answers by %d processes, %d failed; counted the backends %d times", sum, len(c.served), c.failed, c.counted.Load())
}

// marked are the processes that keepone has spawned as the backend, and that are not keepone's program any more.
func (s *site) marked(program os.FileInfo) []int {
	var pids []int
	for _, pid := range s.processes() {
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // gone meanwhile
		if !slices.ContainsFunc(strings.Split(string(environ), "\x00"), func(v string) bool { return strings.HasPrefix(v, "KEEPONE=") }) {
			continue
		}
		if exe, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid)); err == nil && !os.SameFile(exe, program) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// spawned are the processes that keepone has spawned as the backend of the site.
func (s *site) spawned() []int {
	s.t.Helper()
	program, err := os.Stat(keepone)
	s.must(err)
	return s.marked(program)
}
