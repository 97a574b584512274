package backends

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// columns are what is tried, in this order but for "gone", which is looked at first, too.
var columns = []string{"served", "drained", "restarted", "killed", "adopted", "gone"}

// result is what came of a row.
type result struct {
	verdicts         map[string]string // by column
	processes        int
	rss, pss         int64
	ready            time.Duration
	requests, failed int64 // during the restarts
	lost, lostOf     int64 // by kill -9, of those in flight
}

// trial is a row that is being tried.
type trial struct {
	t *testing.T
	s *site
	r row
	result
}

// TestBackends tries every row, and compares the tables with what came of it, or writes them.
//
// Each row begins by itself, for its figures; then all go on in parallel.
func TestBackends(t *testing.T) {
	if os.Getenv(wantEnv) == "" {
		t.Skipf("%s is not set: make backends", wantEnv)
	}
	p := readPage(t)
	results := make([]*trial, len(rows))
	t.Run("rows", func(t *testing.T) {
		for i, r := range rows {
			t.Run(r.name, func(t *testing.T) {
				if r.program != "" {
					need(t, r.program, r.packages)
				}
				w := &trial{t: t, r: r, result: result{verdicts: map[string]string{}}}
				results[i] = w
				w.s = newSite(t, p, r)
				w.begin(p)
				if w.verdicts["served"] != "yes" {
					return
				}
				t.Parallel()
				w.goOn()
			})
		}
	})
	if !t.Failed() && !slices.Contains(results, nil) { // -run may leave rows out
		publish(t, p, results)
	}
}

// judge enters what came of a column, which fails the test where it is not what is known.
func (w *trial) judge(column string, err error) {
	w.t.Helper()
	w.verdicts[column] = "yes"
	known := slices.Contains(strings.Fields(w.r.fails), column)
	if err != nil {
		w.verdicts[column] = "no"
	}
	switch {
	case err != nil && !known:
		w.t.Errorf("%s: %v", column, err)
	case err == nil && known:
		w.t.Errorf("%s: it works now: %q should not say otherwise", column, w.r.fails)
	}
}

// begin looks at the backend alone: how long until it is ready, what it weighs, whether a stop leaves something.
func (w *trial) begin(p page) {
	w.s.startKeepone()
	w.s.await("up")
	w.s.startWebs(p, p.frontOf(w.t, w.r))
	w.stop()
	began := time.Now()
	w.s.do("start-backend")
	w.ready = time.Since(began)
	err := w.served()
	w.judge("served", err)
	if err != nil {
		return
	}
	st := w.s.await("up").Footprint.Backend
	w.processes, w.rss, w.pss = st.Processes, st.RSS, st.PSS
	w.stop()
}

// served asks through either web server: a process of the backend answers.
func (w *trial) served() error {
	for _, url := range w.s.urls {
		o := ask(url + "/fast")
		if o.err != nil {
			return o.err
		}
		if of := descendants(w.s.status().Backend.PID); !slices.Contains(of, o.backend) {
			return fmt.Errorf("process %d answered, the backend is %v", o.backend, of)
		}
	}
	want := backlog(w.t)
	w.s.awaitThat("the backlog is what is configured, whatever the backend made of it", func(st status) bool {
		return st.Queue.Backlog == want
	})
	return nil
}

// backlog is socket.backlog's default, cut by the kernel (listen(2)).
func backlog(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		t.Fatal(err)
	}
	most, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return min(4096, most)
}

// stop stops the backend: when the command returns, nothing of it is left.
func (w *trial) stop() {
	w.t.Helper()
	st := w.s.await("up")
	before := descendants(st.Backend.PID)
	w.s.do("stop-backend")
	w.judge("gone", w.gone(before))
}

func (w *trial) gone(before []int) error {
	if left := slices.DeleteFunc(slices.Clone(before), func(pid int) bool { return !running(pid) }); len(left) > 0 {
		return fmt.Errorf("of %v there is still %v", before, left)
	}
	left := slices.DeleteFunc(w.s.backends(), func(pid int) bool {
		program, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		return program == keepone || !running(pid) // a shim that holds the socket for the next backend, or did until now
	})
	if len(left) > 0 {
		return fmt.Errorf("the backend's mark or directory have %s", commands(left))
	}
	return nil
}

// goOn is what disturbs the others' figures.
func (w *trial) goOn() {
	w.s.do("start-backend")
	w.judge("drained", w.drained())
	w.judge("restarted", w.restarted())
	w.judge("killed", w.killed())
	w.judge("adopted", w.adopted())
	w.stop()
	w.t.Logf("%d processes, RSS %d KiB, PSS %d KiB, ready after %v, %d requests in three restarts, %d of %d lost by the kill",
		w.processes, w.rss>>10, w.pss>>10, w.ready.Round(time.Millisecond), w.requests, w.lost, w.lostOf)
}
