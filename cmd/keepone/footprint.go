package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"

	"keepone/rss"
)

// A footprint is what a site has in memory, part by part.
type footprint struct {
	Backend   part    `json:"backend"`
	Keepone   part    `json:"keepone"`
	WebServer *part   `json:"web_server,omitempty"`
	Bytes     uint64  `json:"bytes"` // all of it: PSS and swap, or RSS where PSS is not ours to see
	Share     float64 `json:"share"` // of what there is, 1 is all
}

// A part is some processes together. Only root and their own user may see more
// than the RSS.
type part struct {
	Processes int     `json:"processes"`
	RSS       uint64  `json:"rss_bytes"`               // shared pages counted for each process
	PSS       *uint64 `json:"pss_bytes,omitempty"`     // of shared pages only a share
	Private   *uint64 `json:"private_bytes,omitempty"` // what their end would set free
	Swap      *uint64 `json:"swap_bytes,omitempty"`
}

func (p part) bytes() uint64 {
	if p.PSS == nil {
		return p.RSS
	}
	return *p.PSS + *p.Swap
}

// atRest weighs keepone before it is asked anything: to answer makes it larger
// for half a minute. It is nobody where nobody runs.
func atRest(t target) (p part, pid int) {
	text, err := os.ReadFile(t.keeponePID())
	if err != nil {
		return p, 0
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return p, 0
	}
	return weighPart([]int{pid}), pid
}

// weighAll adds what is measured here, and not in the resident, to what that
// says. own is keepone itself at rest, if it is the one with that number.
func (r *statusReport) weighAll(own part, pid int) {
	if pid != r.Supervisor.PID || own.RSS == 0 {
		own = weighPart([]int{r.Supervisor.PID})
	}
	r.Supervisor.RSS = own.RSS
	f := &footprint{Backend: weighPart(r.Backend.PIDs), Keepone: own}
	f.Bytes = f.Backend.bytes() + f.Keepone.bytes()
	if r.WebServer != nil {
		p := weighPart(r.WebServer.PIDs)
		if f.WebServer = &p; r.WebServer.Proved {
			f.Bytes += p.bytes()
		}
	}
	if r.Memory.Room > 0 {
		f.Share = float64(f.Bytes) / float64(r.Memory.Room)
	}
	r.Footprint = f
	r.Backend.measure()
}

func weighPart(pids []int) part {
	p := part{RSS: rss.NewSampler().Sum(pids)}
	for _, pid := range pids {
		if _, err := os.Stat(procfs.DefaultMountPoint + "/" + strconv.Itoa(pid)); err == nil {
			p.Processes++
		}
	}
	if sum, err := new(rss.Rollups).Sum(pids); err == nil {
		p.PSS, p.Private, p.Swap = &sum.PSS, &sum.Private, &sum.Swap
	}
	return p
}

// userHZ is the unit of times in proc_pid_stat(5): a hundredth of a second for
// user space, whatever the kernel counts in.
const userHZ = 100

// measure adds what else the backend takes, all its processes together.
func (b *backendReport) measure() {
	if len(b.PIDs) == 0 {
		return
	}
	cpu, descriptors, hidden := 0.0, 0, false
	for _, pid := range b.PIDs {
		p, err := procfs.NewProc(pid)
		if err != nil {
			continue // it is gone
		}
		if st, err := p.Stat(); err == nil {
			cpu += st.CPUTime() + float64(st.CUTime+st.CSTime)/userHZ // what its dead children had is not to get lost
			b.Threads += st.NumThreads
		}
		n, err := p.FileDescriptorsLen()
		hidden = hidden || errors.Is(err, os.ErrPermission)
		descriptors += n
	}
	if b.CPU = &cpu; !hidden {
		b.Descriptors = &descriptors
	}
}

// footprint is the whole site's.
func (r *statusReport) footprint(row func(name, format string, args ...any)) {
	f := r.Footprint
	if f == nil || len(r.Backend.PIDs) == 0 {
		return
	}
	row("footprint", "%s in all, %.1f %% of %s", size(f.Bytes), 100*f.Share, size(r.Memory.Room))
	line := func(name string, p part) {
		more := ""
		if p.PSS != nil {
			more = fmt.Sprintf(", PSS %s, private %s, swap %s", size(*p.PSS), size(*p.Private), size(*p.Swap))
		}
		row("", "%-10s RSS %s%s", name, size(p.RSS), more)
	}
	line("backend", f.Backend)
	line("keepone", f.Keepone)
	if f.WebServer != nil {
		line(r.WebServer.Name, *f.WebServer)
		if !r.WebServer.Proved {
			row("", "           (not seen at the socket yet, so not in the sum)")
		}
	}
}
