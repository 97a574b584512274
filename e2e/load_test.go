package e2e

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// class is one kind of request and how many of them fall due each second.
type class struct {
	rate int
	path string
}

// everyday is the load of most tests: 45 requests of 10 ms and 3 of one second each second.
var everyday = []class{{45, "/fast"}, {3, "/slow"}}

// outcome is what became of one request.
type outcome struct {
	due     time.Time
	took    time.Duration
	path    string
	backend int // pid of the process that answered
	err     error
}

// result is what became of a load.
type result struct {
	sent, failed int
	errors       []string // the first ten
	latencies    []time.Duration
	backends     map[int]int // answers by pid
}

// load is an open-loop load: every request starts at its due time on its own goroutine and connection, whatever became
// of the others, so that a stall of the site shows as waiting requests and not as fewer requests.
type load struct {
	inFlight, sent atomic.Int64
	outcomes       chan outcome
	ended          chan struct{}
	done           chan result
}

// loadLimit ends a load whose test forgot it.
const loadLimit = 3 * time.Minute

// openLoop begins a load on base, which is a URL without a path. It ends with stop, at the latest with the test.
func openLoop(t *testing.T, base string, classes ...class) *load {
	t.Helper()
	l := &load{outcomes: make(chan outcome), ended: make(chan struct{}), done: make(chan result, 1)}
	client := newClient()
	var requests sync.WaitGroup
	for _, c := range classes {
		requests.Go(func() { l.dispatch(client, base, c, &requests) })
	}
	go func() { requests.Wait(); close(l.outcomes) }()
	go l.collect()
	t.Cleanup(func() { l.end() })
	return l
}

func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
}

// dispatch sends the requests of one class, each at its time.
func (l *load) dispatch(client *http.Client, base string, c class, requests *sync.WaitGroup) {
	start := time.Now()
	for i := 0; i < c.rate*int(loadLimit/time.Second); i++ {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(c.rate))
		select {
		case <-l.ended:
			return
		case <-time.After(time.Until(due)):
		}
		l.sent.Add(1)
		l.inFlight.Add(1)
		requests.Go(func() {
			o := ask(client, base, c.path)
			l.inFlight.Add(-1)
			l.outcomes <- o
		})
	}
}

// ask sends one request and reads "PID PATH".
func ask(client *http.Client, base, path string) outcome {
	o := outcome{due: time.Now(), path: path}
	response, err := client.Get(base + path)
	if err != nil {
		o.err = err
		return o
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	o.took = time.Since(o.due)
	pid, answered, _ := strings.Cut(strings.TrimSpace(string(body)), " ")
	bare, _, _ := strings.Cut(path, "?")
	switch o.backend, _ = strconv.Atoi(pid); {
	case err != nil:
		o.err = err
	case response.StatusCode != http.StatusOK:
		o.err = fmt.Errorf("status %s", response.Status)
	case o.backend == 0 || answered != bare:
		o.err = fmt.Errorf("strange answer %.60q", body)
	}
	return o
}

func (l *load) collect() {
	r := result{backends: map[int]int{}}
	for o := range l.outcomes {
		r.sent++
		r.latencies = append(r.latencies, o.took)
		if o.err == nil {
			r.backends[o.backend]++
			continue
		}
		r.failed++
		if len(r.errors) < 10 {
			r.errors = append(r.errors, fmt.Sprintf("%s %s: %v", o.due.Format("15:04:05.000"), o.path, o.err))
		}
	}
	slices.Sort(r.latencies)
	l.done <- r
}

// end sends nothing more.
func (l *load) end() {
	select {
	case <-l.ended:
	default:
		close(l.ended)
	}
}

// stop sends nothing more, waits for what is under way and returns the result.
func (l *load) stop(t *testing.T) result {
	t.Helper()
	l.end()
	r := <-l.done
	if r.sent == 0 {
		t.Fatal("the load sent nothing")
	}
	t.Logf("%d sent, %d failed, median %v, longest %v, %d processes answered", r.sent, r.failed,
		r.latencies[len(r.latencies)/2].Round(time.Millisecond), r.latencies[len(r.latencies)-1].Round(time.Millisecond),
		len(r.backends))
	return r
}

// lossless stops the load and demands that nothing failed.
func (l *load) lossless(t *testing.T) result {
	t.Helper()
	r := l.stop(t)
	if r.failed > 0 {
		t.Errorf("%d of %d requests failed:\n%s", r.failed, r.sent, strings.Join(r.errors, "\n"))
	}
	return r
}
