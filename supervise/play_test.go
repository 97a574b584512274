package supervise

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A play is a world with a Supervisor that runs in it.
type play struct {
	*world
	t    *testing.T
	s    *Supervisor
	end  context.CancelFunc
	done chan struct{}

	prepare func(*Supervisor) // before it runs
}

// scene runs f in a bubble of its own, then keepone is told to leave, and must
// leave nothing behind.
func scene(t *testing.T, f func(p *play)) {
	synctest.Test(t, func(t *testing.T) {
		p := &play{world: newWorld(), t: t}
		defer func() { // also after a Fatal: a Run left over would end the whole test in a panic
			p.leave()
			p.empty()
			if len(p.broken) > 0 || t.Failed() {
				t.Error(p.world)
			}
		}()
		f(p)
	})
}

func (p *play) boot() {
	p.start(p.config())
}

func (p *play) start(cfg Config) {
	ctx, cancel := context.WithCancel(context.Background())
	p.s, p.end, p.done = New(cfg, p.sockets[0]), cancel, make(chan struct{})
	if p.prepare != nil {
		p.prepare(p.s)
	}
	go func() {
		defer close(p.done)
		defer func() {
			if e := recover(); e != nil {
				p.do(func() { p.law(false, "Run: panic: %v", e) })
			}
		}()
		p.s.Run(ctx)
	}()
	synctest.Wait()
}

// leave lets keepone go and gives it an hour for that.
func (p *play) leave() {
	p.t.Helper()
	p.do(func() { p.leaving = true })
	p.end()
	select {
	case <-p.done:
	case <-time.After(time.Hour):
		p.t.Fatalf("Run does not return\n%s", p.world)
	}
	synctest.Wait()
}

// empty holds when nothing is left of the sockets and the processes.
func (p *play) empty() {
	p.law(p.published == nil || p.stays, "the public path is still there")
	for _, s := range p.sockets {
		p.law(s.closed, "generation %d was left open", s.generation)
	}
	for _, b := range p.backends {
		p.law(b.gone && b.closed, "backend %d was left", b.pid)
	}
}

// pass lets the time go on and everything settle. What the test changed without
// do before is seen from here on.
func (p *play) pass(d time.Duration) {
	p.do(func() {})
	time.Sleep(d)
	synctest.Wait()
}

// A call is a request of an operator that waits in a goroutine.
type call struct {
	p      *play
	done   bool
	status Status
	err    error
}

func (p *play) call(f func(context.Context) (Status, error)) *call {
	c := &call{p: p}
	go func() {
		st, err := f(context.Background())
		p.do(func() { c.done, c.status, c.err = true, st, err })
	}()
	synctest.Wait()
	return c
}

func (p *play) restart(o Options) *call {
	return p.call(func(ctx context.Context) (Status, error) { return p.s.Restart(ctx, o) })
}

func (p *play) stop(o Options) *call {
	return p.call(func(ctx context.Context) (Status, error) { return p.s.Stop(ctx, o) })
}

func (p *play) up() *call {
	return p.call(func(ctx context.Context) (Status, error) { return p.s.Start(ctx, Options{}) })
}

func (p *play) status() Status {
	st, err := p.s.Status(context.Background())
	if err != nil {
		p.t.Errorf("status: %v", err)
	}
	return st
}

// is demands a state.
func (p *play) is(st State) {
	p.t.Helper()
	if got := p.status().State; got != st {
		p.t.Fatalf("state %s, want %s\n%s", got, st, p.world)
	}
}

// did demands what happened since the last time it was asked.
func (p *play) did(want string) {
	p.t.Helper()
	p.mu.Lock()
	got := strings.Join(p.journal, ", ")
	p.journal = slices.Delete(p.journal, 0, len(p.journal))
	p.mu.Unlock()
	if got != want {
		p.t.Errorf("did  %s\nwant %s", got, want)
	}
}

// ok demands that the caller was told of success; fails that he was told of
// an error with this in it; waits that he was told nothing yet.
func (c *call) ok() {
	c.p.t.Helper()
	if !c.done || c.err != nil {
		c.p.t.Errorf("answered %v, %v; want success", c.done, c.err)
	}
}

func (c *call) fails(text string) {
	c.p.t.Helper()
	if !c.done || c.err == nil || !strings.Contains(c.err.Error(), text) {
		c.p.t.Errorf("answered %v, %v; want an error with %q", c.done, c.err, text)
	}
}

func (c *call) waits() {
	c.p.t.Helper()
	if c.done {
		c.p.t.Errorf("answered %v; want no answer yet", c.err)
	}
}

// crash ends what runs, unasked.
func (p *play) crash() {
	p.do(func() { p.running().die(Exit{Text: "killed by SIGSEGV"}) })
	synctest.Wait()
}

// repair lets nothing fail any more.
func (p *play) repair() { p.do(func() { clear(p.fail) }) }
