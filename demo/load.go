package main

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Requests each second.
const fastRate, slowRate = 45, 3

// result is what became of the load.
type result struct {
	sent, failed int
	longest      time.Duration
	first        error // the first failure
}

// load is open-loop: each request starts at its time on its own connection, whatever became of the others. A web site's
// visitors do not wait for each other either.
type load struct {
	ended chan struct{}
	done  chan result
}

// outcome is what became of one request.
type outcome struct {
	took time.Duration
	err  error
}

func openLoop(base string) *load {
	l := &load{ended: make(chan struct{}), done: make(chan result, 1)}
	outcomes := make(chan outcome)
	var requests sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	send := func(path string, rate int) {
		start := time.Now()
		for i := 0; ; i++ {
			select {
			case <-l.ended:
				return
			case <-time.After(time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(rate)))):
			}
			requests.Go(func() { outcomes <- get(client, base+path) })
		}
	}
	requests.Go(func() { send("/fast", fastRate) })
	requests.Go(func() { send("/slow", slowRate) })
	go func() { requests.Wait(); close(outcomes) }()
	go l.collect(outcomes)
	return l
}

func get(client *http.Client, url string) outcome {
	begun := time.Now()
	response, err := client.Get(url)
	if err != nil {
		return outcome{time.Since(begun), err}
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, response.Status)
	}
	return outcome{time.Since(begun), err}
}

func (l *load) collect(outcomes <-chan outcome) {
	var r result
	for o := range outcomes {
		r.sent++
		r.longest = max(r.longest, o.took)
		if o.err != nil {
			r.failed++
			if r.first == nil {
				r.first = o.err
			}
		}
	}
	l.done <- r
}

// stop sends nothing more and waits for what is under way.
func (l *load) stop() result {
	close(l.ended)
	return <-l.done
}
