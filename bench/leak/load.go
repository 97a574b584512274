package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// load is what a backend is put under: requests at a steady rate, each of which makes it keep memory for good.
type load struct {
	requests int     // a second
	leak     float64 // MiB a second, at that rate
	work     int     // milliseconds that each answer takes
	cap      int     // MiB: the leaker itself keeps no more
	restarts int     // so many are waited for
	limit    time.Duration
}

// result is what was seen under it.
type result struct {
	peak                    uint64 // bytes: the most RSS that all backends alive at one moment had
	asked, failed, restarts int
	firstError              error
}

type reply struct {
	pid int
	err error
}

const afterwards = 40 // requests that follow the last restart and leak nothing

// run asks until the backend was replaced often enough, or the time is up; then all that were asked are waited for.
// Backends are known by their answers, each of which is a pid.
func (l load) run(ctx context.Context, socket, script string) (r result, err error) {
	first, err := ask(socket, script, l.query(0))
	if err != nil {
		return r, err
	}
	seen, alive := map[int]bool{first: true}, map[int]bool{first: true}
	replies, underWay, left := make(chan reply), 0, -1
	next, look, late := time.NewTicker(time.Second/time.Duration(l.requests)), time.NewTicker(10*time.Millisecond), time.After(l.limit)
	defer next.Stop()
	defer look.Stop()
	kb := int(l.leak * 1024 / float64(l.requests))
	for left != 0 || underWay > 0 {
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-late:
			left = 0
		case <-look.C:
			r.peak = max(r.peak, resident(alive))
		case <-next.C:
			if left == 0 {
				continue
			}
			if left > 0 {
				left--
			}
			r.asked++
			underWay++
			query := l.query(kb)
			go func() { pid, err := ask(socket, script, query); replies <- reply{pid, err} }()
		case got := <-replies:
			underWay--
			r.take(got, seen, alive)
			if r.restarts >= l.restarts && left < 0 {
				kb, left = 0, afterwards
			}
		}
	}
	return r, nil
}

func (r *result) take(got reply, seen, alive map[int]bool) {
	if got.err != nil {
		r.failed++
		if r.firstError == nil {
			r.firstError = got.err
		}
		return
	}
	if !seen[got.pid] {
		seen[got.pid], alive[got.pid] = true, true
		r.restarts++
	}
}

func (l load) query(kb int) string { return fmt.Sprintf("kb=%d&ms=%d&cap=%d", kb, l.work, l.cap) }

// resident is what all of them have together, from the second field of /proc/PID/statm, which is in pages (proc(5)). Who
// has ended is forgotten.
func resident(pids map[int]bool) (bytes uint64) {
	for pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		fields := strings.Fields(string(text))
		if err != nil || len(fields) < 2 {
			delete(pids, pid)
			continue
		}
		pages, _ := strconv.ParseUint(fields[1], 10, 64) // the kernel writes numbers there
		bytes += pages * uint64(os.Getpagesize())
	}
	return bytes
}

// available is MemAvailable of /proc/meminfo, in bytes.
func available(meminfo []byte) uint64 {
	for line := range strings.Lines(string(meminfo)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemAvailable:" {
			kb, _ := strconv.ParseUint(fields[1], 10, 64) // the kernel writes numbers there
			return kb << 10
		}
	}
	return 0
}
