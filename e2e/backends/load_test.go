package backends

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// outcome is what became of one request.
type outcome struct {
	number  int64 // in the order in which they were sent, from 1
	backend int   // pid of the process that answered
	err     error // also for everything that is not 200 and the answer that was asked for
}

// load is an open loop: every request starts when it falls due, on a connection of its own, whatever became of the others.
type load struct {
	sent, inFlight atomic.Int64
	slow           atomic.Int64 // of 700 ms, in flight
	outcomes       chan outcome
	ended          chan struct{}
	failed         chan []outcome
}

// loadLimit ends a load whose test forgot it.
const loadLimit = 2 * time.Minute

// openLoop begins a load on both web servers: 24 requests of 10 ms a second and one of 700 ms, so that a backend that takes
// one at a time is busy for most of its time.
func openLoop(t *testing.T, s *site) *load {
	t.Helper()
	l := &load{outcomes: make(chan outcome), ended: make(chan struct{}), failed: make(chan []outcome, 1)}
	var requests sync.WaitGroup
	for i, url := range s.urls {
		requests.Go(func() { l.dispatch(url+"/fast", time.Second/12, 0, false, &requests) })
		requests.Go(func() { l.dispatch(url+"/slow", 2*time.Second, time.Duration(i)*time.Second, true, &requests) })
	}
	go func() { requests.Wait(); close(l.outcomes) }()
	go func() {
		var failed []outcome
		for o := range l.outcomes {
			if o.err != nil {
				failed = append(failed, o)
			}
		}
		l.failed <- failed
	}()
	t.Cleanup(l.end)
	return l
}

// dispatch sends a request to url every so often, the first one later by some time.
func (l *load) dispatch(url string, every, later time.Duration, slow bool, requests *sync.WaitGroup) {
	start := time.Now().Add(later)
	for i := range int(loadLimit / every) {
		select {
		case <-l.ended:
			return
		case <-time.After(time.Until(start.Add(time.Duration(i) * every))):
		}
		l.inFlight.Add(1)
		number := l.sent.Add(1)
		requests.Go(func() {
			if slow {
				l.slow.Add(1)
				defer l.slow.Add(-1)
			}
			o := ask(url)
			o.number = number
			l.inFlight.Add(-1)
			l.outcomes <- o
		})
	}
}

// reach waits until so many requests were sent.
func (l *load) reach(t *testing.T, n int64) {
	t.Helper()
	await(t, loadLimit, "enough requests were sent", func() bool { return l.sent.Load() >= n })
}

// end sends nothing more.
func (l *load) end() {
	select {
	case <-l.ended:
	default:
		close(l.ended)
	}
}

// stop sends nothing more, waits for what is under way, and returns what failed.
func (l *load) stop() []outcome {
	l.end()
	return <-l.failed
}

// ask sends one request and reads "PID PATH".
func ask(url string) outcome {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	response, err := client.Get(url)
	if err != nil {
		return outcome{err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return outcome{err: err}
	}
	if response.StatusCode != http.StatusOK {
		return outcome{err: fmt.Errorf("%s: status %s", url, response.Status)}
	}
	pid, path, _ := strings.Cut(strings.TrimSpace(string(body)), " ")
	n, err := strconv.Atoi(pid)
	if err != nil || path == "" || !strings.HasSuffix(url, path) {
		return outcome{err: fmt.Errorf("%s: strange answer %.60q", url, body)}
	}
	return outcome{backend: n}
}

// lossless stops the load and returns how many failed, and an error that says what.
func lossless(l *load) (int64, error) {
	failed := l.stop()
	if len(failed) == 0 {
		return 0, nil
	}
	return int64(len(failed)), fmt.Errorf("%d of %d requests failed, first number %d: %w", len(failed), l.sent.Load(), failed[0].number, failed[0].err)
}
