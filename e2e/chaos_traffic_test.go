package e2e

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	knockPause = 10 * time.Millisecond
	// lighttpd asks a host that refused it again after its disable-time, a second; its clock has only seconds, too.
	disabled = 3 * time.Second
)

// chaosLoad is 50 requests a second, slow ones among them.
var chaosLoad = []class{{45, "/fast"}, {4, "/slow"}, {1, "/sleep?ms=1500"}}

// traffic is the visitors: requests at their due times, whatever became of the others, and a knocker at the socket.
type traffic struct {
	site                  *site
	client                *http.Client
	failures              chan failure
	quit                  chan struct{}
	over                  sync.WaitGroup
	sent, knocks, longest atomic.Int64
}

// failure is a request or a connect that failed.
type failure struct {
	sent, ended time.Time
	path        string // "" is a connect
	err         error
}

// startTraffic begins it; it goes on until stop.
func (c *chaos) startTraffic() *traffic {
	v := &traffic{site: c.site, client: newClient(), failures: make(chan failure, 100_000), quit: make(chan struct{})}
	for _, class := range chaosLoad {
		v.every(time.Second/time.Duration(class.rate), func() { v.ask(class.path) })
	}
	v.every(knockPause, v.knock)
	return v
}

// every calls do, at its times; a machine that was too busy catches up.
func (v *traffic) every(interval time.Duration, do func()) {
	v.over.Go(func() {
		for due := time.Now(); ; due = due.Add(interval) {
			select {
			case <-v.quit:
				return
			case <-time.After(time.Until(due)):
				do()
			}
		}
	})
}

// ask sends one request and does not wait.
func (v *traffic) ask(path string) {
	v.sent.Add(1)
	v.over.Go(func() {
		sent := time.Now()
		o := ask(v.client, v.site.url, path)
		took := time.Since(sent)
		if o.err != nil {
			v.failures <- failure{sent, time.Now(), path, o.err}
		}
		for longest := v.longest.Load(); int64(took) > longest && !v.longest.CompareAndSwap(longest, int64(took)); {
			longest = v.longest.Load()
		}
	})
}

func (v *traffic) knock() {
	v.knocks.Add(1)
	sent := time.Now()
	conn, err := v.site.connect()
	if err != nil {
		v.failures <- failure{sent, time.Now(), "", err}
		return
	}
	conn.Close()
}

// stop sends nothing more and waits for what is under way.
func (v *traffic) stop() {
	select {
	case <-v.quit:
	default:
		close(v.quit)
	}
	v.over.Wait()
}

// pardon is a time in which an event may cost something: what was under way then, and was sent before the last moment
// that matters, if there is one.
type pardon struct {
	of         *event
	from, to   time.Time
	sentBefore time.Time
}

func (p pardon) covers(f failure) bool {
	to := p.to
	switch cost := p.of.cost; {
	case f.path == "" && !cost.connects, f.path != "" && !cost.requests:
		return false
	case f.path != "" && cost.connects:
		to = to.Add(disabled)
	}
	return !f.sent.After(to) && !f.ended.Before(p.from) && (p.sentBefore.IsZero() || f.sent.Before(p.sentBefore))
}

// forgive lets an event cost what its line in the table says, for a time.
func (c *chaos) forgive(e *event, p pardon) {
	c.t.Helper()
	if e.cost == (cost{}) {
		c.t.Fatalf("%s may cost nothing", e.name)
	}
	p.of = e
	c.pardons = append(c.pardons, p)
}

// judge looks at every failure so far. It is called when no event is going on, so that all pardons are known.
func (c *chaos) judge() {
	c.t.Helper()
	c.forgiveForks()
	for {
		select {
		case f := <-c.traffic.failures:
			by := c.pardoned(f)
			if by == nil {
				c.violated("%s failed, sent at %s (%.3f), ended %.3f: %v", f, f.sent.Format("15:04:05.000"),
					f.sent.Sub(c.began).Seconds(), f.ended.Sub(c.began).Seconds(), f.err)
			}
			c.forgiven[by.name]++
		default:
			return
		}
	}
}

func (f failure) String() string {
	if f.path == "" {
		return "a connect"
	}
	return "a request for " + f.path
}

// pardoned returns the event that a failure is forgiven for, or nil.
func (c *chaos) pardoned(f failure) *event {
	for _, p := range c.pardons {
		if p.covers(f) {
			return p.of
		}
	}
	return nil
}

// forgiveForks pardons what was under way while a backend's leftovers may have accepted it: from its start to the next.
func (c *chaos) forgiveForks() {
	c.t.Helper()
	all := c.diary()
	for ; c.read+1 < len(all); c.read++ {
		if e := all[c.read]; e.mood == "forks" {
			c.forgive(c.forked, pardon{from: e.at, to: all[c.read+1].at})
		}
	}
}
