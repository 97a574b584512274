package main

import (
	"bytes"
	"encoding/json"
	"os"
	"time"

	"keepone/command"
	"keepone/rival"
	"keepone/rss"
	"keepone/supervise"
)

// A statusReport is what keepone status --json prints, and what the resident
// answers. Sizes are bytes, times seconds. Keys are only ever added.
type statusReport struct {
	Name       string           `json:"name"`
	Version    string           `json:"version"`
	State      string           `json:"state"`
	Why        string           `json:"why"`
	Since      float64          `json:"state_seconds"`
	Left       *float64         `json:"state_left_seconds,omitempty"` // until the state's deadline
	Preparing  bool             `json:"preparing,omitempty"`          // a planned restart is checked or waits for a quiet moment
	Backend    backendReport    `json:"backend"`
	Supervisor supervisorReport `json:"supervisor"`
	Socket     socketReport     `json:"socket"`
	WebServer  *serverReport    `json:"web_server,omitempty"`
	Footprint  *footprint       `json:"footprint,omitempty"` // added by the command that shows it
	Growth     *growthReport    `json:"growth,omitempty"`    // likewise, where it grows significantly
	Queue      queueReport      `json:"queue"`
	Memory     memoryReport     `json:"memory"`
	Restarts   restartsReport   `json:"restarts"`
	Output     string           `json:"output"` // where the backend's output goes: a file, journal, stdout or syslog
	LastExit   string           `json:"last_exit,omitempty"`
	LastWords  string           `json:"last_words,omitempty"`
	Failures   int              `json:"failures,omitempty"`   // in a row
	Pending    []string         `json:"pending,omitempty"`    // configuration keys that the next backend will have
	Health     string           `json:"health,omitempty"`     // why the latest probe failed
	Cures      cures            `json:"cures"`                // of the listening socket, since keepone was started
	InTheWay   string           `json:"in_the_way,omitempty"` // what somebody put where visitors look for us
	Rivals     []rival.Rival    `json:"rivals,omitempty"`     // other processes that are the backend; added by the command that shows them
	Job        int              `json:"job_pid,omitempty"`    // the keepone exec that has the backend's place
	Excusing   bool             `json:"excusing,omitempty"`   // a process answers 503 in the backend's place
	HighWater  int              `json:"queue_high_water"`     // the most that were pending at any sample
	Cut        int              `json:"cut,omitempty"`        // connections open when the latest drain ended at its deadline
}

type backendReport struct {
	PID     int     `json:"pid"` // 0 for none
	Command string  `json:"command"`
	User    string  `json:"user"`
	PIDs    []int   `json:"pids,omitempty"` // of all its processes, at the latest sample
	RSS     uint64  `json:"rss_bytes"`
	Swap    uint64  `json:"swap_bytes"`
	Peak    uint64  `json:"peak_rss_bytes"`
	Uptime  float64 `json:"uptime_seconds"`
	Adopted bool    `json:"adopted,omitempty"` // spawned by another keepone, which was killed since

	// Added by the command that shows them; what is not ours to see is left out.
	CPU         *float64 `json:"cpu_seconds_total,omitempty"` // of the processes that live
	Threads     int      `json:"threads,omitempty"`
	Descriptors *int     `json:"descriptors,omitempty"`
}

type supervisorReport struct {
	PID      int    `json:"pid"`
	RSS      uint64 `json:"rss_bytes"`
	Upgrades int    `json:"upgrades,omitempty"` // in place, since it was started
}

type socketReport struct {
	Path       string `json:"path"`
	Owner      string `json:"owner,omitempty"` // a TCP address has neither owner, nor group, nor mode
	Group      string `json:"group,omitempty"`
	Mode       string `json:"mode,omitempty"`
	Generation int    `json:"generation"`
	Fixed      bool   `json:"fixed,omitempty"`           // an init system's: a restart relies on the stop signal
	Next       int    `json:"next_generation,omitempty"` // where new requests wait while the backend drains
}

type queueReport struct {
	supervise.Queue
	Oldest float64 `json:"oldest_active_seconds"` // for how long the one who came first has been connected
}

type memoryReport struct {
	Soft      uint64      `json:"soft_bytes,omitempty"`
	Hard      uint64      `json:"hard_bytes,omitempty"`
	Room      uint64      `json:"room_bytes"` // of the host, or of the cgroup where that is less
	Samples   uint64      `json:"samples"`
	Fits      uint64      `json:"fits_bytes,omitempty"` // the limit is too small, and so much would do
	Over      bool        `json:"over,omitempty"`       // a limit is passed, and action is "warn"
	Postponed string      `json:"postponed,omitempty"`  // why a restart for memory was given up
	Wall      *wallReport `json:"wall,omitempty"`       // the memory cgroup of the unit
}

type restartsReport struct {
	Total int          `json:"total"`
	Last  restartEvent `json:"last"` // empty before the first
}

type restartEvent struct {
	Reason string  `json:"reason"`
	Exit   string  `json:"exit"`
	Ago    float64 `json:"ago_seconds"`
}

func (s *site) report(st *supervise.Status, own uint64) statusReport {
	v, bound, argv := s.config(), s.bound.Load(), s.config().command
	if runs := s.runs.Load(); runs != nil {
		argv = *runs
	}
	r := statusReport{
		Name: s.name, Version: command.Version, State: st.State.String(), Why: st.Why, Since: age(st.Since),
		Preparing: st.Preparing, Queue: queueReport{st.Queue, s.oldestSeconds(st)}, LastExit: st.LastExit, LastWords: st.LastWords,
		Failures: st.Failures, Cut: st.Cut, Health: st.Health, Excusing: st.Excusing, HighWater: st.HighWater, Output: v.outputTo, Pending: s.pendingKeys(),
		Backend: backendReport{
			PID: st.PID, Command: argv, User: v.Backend.User,
			RSS: st.RSS, Swap: st.Swap, Peak: st.Peak, Adopted: st.Adopted,
		},
		Supervisor: supervisorReport{PID: os.Getpid(), RSS: own, Upgrades: s.upgrades},
		Socket: socketReport{
			Path: v.Socket.Path, Fixed: s.fixed, Generation: st.Generation, Next: st.Next,
		},
		Memory:   s.memoryReport(st),
		Restarts: restartsReport{Total: st.Restarts},
	}
	if _, tcp := bound.TCP(); !tcp {
		r.Socket.Owner, r.Socket.Group, r.Socket.Mode = bound.Socket.Owner, bound.Socket.Group, bound.mode
	}
	if server := s.gauge.server.Load(); server != nil && server.Name != "" {
		r.WebServer = server
	}
	r.Cures = *s.cured.Load()
	r.Cures.Replaced = st.Renewed
	if in := s.inTheWay.Load(); in != nil {
		r.InTheWay = *in
	}
	if t := s.turn.Load(); t != nil {
		r.Job = t.PID
	}
	if st.PID != 0 {
		r.Backend.Uptime = age(st.Started)
	}
	if !st.Until.IsZero() {
		left := max(0, time.Until(st.Until).Seconds())
		r.Left = &left
	}
	if st.Last.Reason != "" {
		r.Restarts.Last = restartEvent{string(st.Last.Reason), st.Last.Exit, age(st.Last.At)}
	}
	return r
}

func (s *site) memoryReport(st *supervise.Status) memoryReport {
	limits := s.memoryLimits()
	return memoryReport{
		Soft: limits.Soft, Hard: limits.Hard, Room: s.config().room, Samples: st.Samples,
		Fits: st.Fits, Over: st.Over, Postponed: st.Postponed, Wall: s.gauge.wall.Load(),
	}
}

// A quickStatus answers plain status questions. It belongs to the goroutine of
// the control socket and leaves hardly any garbage: monitors ask for ever.
type quickStatus struct {
	site   *site
	look   *supervise.Look
	self   *rss.Sampler
	pids   [1]int
	line   bytes.Buffer
	encode *json.Encoder
	report statusReport
	count  int
}

// manyQuestions make it worth while to give memory back at once.
const manyQuestions = 100

func (s *site) newQuickStatus() *quickStatus {
	q := &quickStatus{site: s, look: supervise.NewLook(), self: rss.NewSampler(), pids: [1]int{os.Getpid()}}
	q.encode = json.NewEncoder(&q.line)
	return q
}

// answer appends the line that site.answer would have given.
func (q *quickStatus) answer(buf []byte) []byte {
	if err := q.site.loop.Look(q.look); err != nil {
		return append(buf, `{"error":"`+err.Error()+"\"}\n"...)
	}
	if q.count++; q.count%manyQuestions == 0 {
		q.site.trim()
	}
	q.report = q.site.report(&q.look.Status, q.self.Sum(q.pids[:]))
	q.report.Backend.PIDs = q.look.Pids
	q.line.Reset()
	if err := q.encode.Encode(&q.report); err != nil {
		return append(buf, `{"error":"cannot encode the status"}`+"\n"...)
	}
	buf = append(append(buf, `{"body":`...), bytes.TrimSuffix(q.line.Bytes(), []byte("\n"))...)
	return append(buf, "}\n"...)
}

// oldestSeconds is of the latest sample; since then everybody may have gone.
func (s *site) oldestSeconds(st *supervise.Status) float64 {
	if st.Queue.Active == 0 {
		return 0
	}
	return time.Duration(s.oldestAge.Load()).Seconds()
}

func age(t time.Time) float64 { return time.Since(t).Seconds() }
