package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mebibyte is what sizes are written in here.
const mebibyte = 1 << 20

// part is one part of the footprint in `keepone status --json`.
type part struct {
	Processes int
	RSS       int64  `json:"rss_bytes"`
	PSS       *int64 `json:"pss_bytes"`
	Private   *int64 `json:"private_bytes"`
	Swap      *int64 `json:"swap_bytes"`
}

// figures is what the status says in numbers.
type figures struct {
	State   string
	Backend struct {
		PID, Threads int
		PIDs         []int
		RSS          int64   `json:"rss_bytes"`
		Peak         int64   `json:"peak_rss_bytes"`
		Uptime       float64 `json:"uptime_seconds"`
		CPU          float64 `json:"cpu_seconds_total"`
		Descriptors  int
	}
	Supervisor struct{ PID, Upgrades int }
	WebServer  *struct {
		Name   string
		Proved bool
		PIDs   []int
	} `json:"web_server"`
	Footprint *struct {
		Backend, Keepone part
		WebServer        *part `json:"web_server"`
		Bytes            int64
		Share            float64
	}
	Growth *struct {
		PerHour float64  `json:"bytes_per_hour"`
		Reaches *float64 `json:"reaches_limit_seconds"`
	}
	Queue struct {
		Pending, Active, Backlog int
		Oldest                   float64 `json:"oldest_active_seconds"`
	}
	Memory struct {
		Soft      int64 `json:"soft_bytes"`
		Hard      int64 `json:"hard_bytes"`
		Room      int64 `json:"room_bytes"`
		Samples   int
		Fits      int64 `json:"fits_bytes"`
		Over      bool
		Postponed string
	}
	Restarts struct {
		Total int
		Last  struct{ Reason, Exit string }
	}
	LastExit string `json:"last_exit"`
	Cures    struct{ Path int }
}

// figures are those that the command adds to, too.
func (s *site) figures() (f figures) {
	s.t.Helper()
	s.must(json.Unmarshal([]byte(s.do("status", "--json").out), &f))
	return f
}

// glance asks keepone itself, and starts no program for it; false while there is no answer.
func (s *site) glance() (f figures, ok bool) {
	s.t.Helper()
	c, err := net.Dial("unix", filepath.Join(s.run, "control"))
	if err != nil {
		return f, false
	}
	defer c.Close()
	s.must(c.SetDeadline(time.Now().Add(10 * time.Second)))
	if _, err := fmt.Fprintln(c, `{"op":"status"}`); err != nil {
		return f, false
	}
	var got struct{ Body *figures }
	if json.NewDecoder(c).Decode(&got) != nil || got.Body == nil {
		return f, false
	}
	return *got.Body, true
}

// awaitFigures waits until a glance shows what is wanted.
func (s *site) awaitFigures(what string, limit time.Duration, ok func(figures) bool) (f figures) {
	s.t.Helper()
	var last figures
	for deadline := time.Now().Add(limit); ; time.Sleep(30 * time.Millisecond) {
		if now, answered := s.glance(); answered {
			if last = now; ok(now) {
				return now
			}
		}
		if !s.supervisor.alive() {
			s.t.Fatalf("keepone has exited while waiting until %s", what)
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %v in vain until %s: %+v", limit, what, last)
		}
	}
}

// samples waits until the backend was weighed so many times more.
func (s *site) samples(more int) figures {
	s.t.Helper()
	first := s.awaitFigures("keepone answers", 10*time.Second, func(figures) bool { return true }).Memory.Samples
	return s.awaitFigures("it is weighed", 30*time.Second, func(f figures) bool { return f.Memory.Samples >= first+more })
}

// past is what `keepone history --json` prints.
type past struct {
	Minutes []struct {
		At    time.Time
		Parts map[string][2]int64 `json:"min_max_bytes"`
	}
	Seconds []struct {
		At    time.Time
		Bytes int64 `json:"backend_bytes"`
	}
	Events []happening
}

// happening is one event of the history.
type happening struct {
	At         time.Time
	Kind, Text string
	Bytes      int64 `json:"backend_bytes"`
}

func (s *site) past() (p past) {
	s.t.Helper()
	s.must(json.Unmarshal([]byte(s.do("history", "--json", "--since", "24h").out), &p))
	return p
}

// of returns the events of one kind.
func (p past) of(kind string) (found []happening) {
	for _, e := range p.Events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

// resident is the RSS of a process in bytes, from the second field of proc_pid_statm(5); 0 when it is gone.
func resident(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// descendants appends the processes below pid that are not keepone itself: its shims are not the backend's.
func descendants(pid int, found []int) []int {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is valid
	for _, file := range files {
		text, _ := os.ReadFile(file) // the thread may be gone
		for _, field := range strings.Fields(string(text)) {
			child, _ := strconv.Atoi(field)
			if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", child)); err == nil && exe != keepone {
				found = append(found, child)
			}
			found = descendants(child, found)
		}
	}
	return found
}

// weighed is what the test itself saw of the backends, in bytes.
type weighed struct {
	most int64         // of all their processes together at any time
	each map[int]int64 // the most of each process, by pid
}

// weigh looks every ten milliseconds at what the backends of a keepone have, until stopped.
func (s *site) weigh(t *testing.T) (stop func() weighed) {
	pid, quit, done := s.supervisor.pid(), make(chan struct{}), make(chan weighed, 1)
	go func() {
		w := weighed{each: map[int]int64{}}
		for tick := time.NewTicker(10 * time.Millisecond); ; {
			select {
			case <-quit:
				done <- w
				return
			case <-tick.C:
			}
			sum := int64(0)
			for _, child := range descendants(pid, nil) {
				now := resident(child)
				sum += now
				w.each[child] = max(w.each[child], now)
			}
			w.most = max(w.most, sum)
		}
	}()
	ended := false
	stop = func() (w weighed) {
		if !ended {
			ended = true
			close(quit)
			w = <-done
		}
		return w
	}
	t.Cleanup(func() { stop() })
	return stop
}
