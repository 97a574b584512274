package main

import (
	"keepone/metrics"
	"keepone/supervise"
)

// all is everything that status knows in numbers.
func (e *exposition) all(r *statusReport) {
	e.add(metrics.Info, "keepone_build", "", "What runs; always 1.", 1, [2]string{"version", r.Version})
	for _, st := range supervise.States() {
		e.gauge("keepone_state", "", "Where the backend is in its life: 1 for that state.", truth(st.String() == r.State), [2]string{"state", st.String()})
	}
	e.backend(r)
	e.parts(r)
	limit := func(kind string, bytes uint64) {
		if bytes > 0 {
			e.gauge("keepone_memory_limit_bytes", "bytes", "What the backend may have.", float64(bytes), [2]string{"kind", kind})
		}
	}
	limit("soft", r.Memory.Soft)
	limit("hard", r.Memory.Hard)
	e.gauge("keepone_memory_limit_too_small", "", "Whether a backend is over its limit as soon as it has settled.", truth(r.Memory.Fits > 0))
	e.gauge("keepone_memory_room_bytes", "bytes", "The memory of the host, or of the cgroup where that is less.", float64(r.Memory.Room))
	if w := r.Memory.Wall; w != nil {
		e.counter("keepone_memory_slowed", "", "How often somebody was slowed down at the memory.high of the unit.", float64(w.Slowed))
		e.counter("keepone_memory_oom_kills", "", "Processes of the unit that the kernel killed for want of memory.", float64(w.OOMKill))
	}
	e.visitors(r)
	e.counter("keepone_restarts", "", "Backends that were replaced by another since keepone was started.", float64(r.Restarts.Total))
	e.gauge("keepone_failures", "", "Failures in a row.", float64(r.Failures))
	e.gauge("keepone_job_exclusive", "", "Whether a job has the backend's place.", truth(r.Job != 0))
	e.gauge("keepone_rivals", "", "Other processes that are the backend, and that somebody else started.", float64(len(r.Rivals)))
	e.counter("keepone_upgrades", "", "Upgrades in place.", float64(r.Supervisor.Upgrades))
}

func (e *exposition) backend(r *statusReport) {
	b := r.Backend
	e.gauge("keepone_backend_up", "", "Whether a backend serves.", truth(r.State == "up"))
	e.gauge("keepone_backend_uptime_seconds", "seconds", "How long ago the backend was spawned.", b.Uptime)
	e.gauge("keepone_backend_peak_resident_memory_bytes", "bytes", "The largest resident memory in any sample of this backend.", float64(b.Peak))
	if b.CPU != nil {
		e.counter("keepone_backend_cpu_seconds", "seconds", "CPU time of the backend's processes that live.", *b.CPU)
		e.gauge("keepone_backend_threads", "", "Threads of the backend.", float64(b.Threads))
	}
	if b.Descriptors != nil {
		e.gauge("keepone_backend_open_fds", "", "Descriptors that the backend has open.", float64(*b.Descriptors))
	}
	if g := r.Growth; g != nil {
		e.gauge("keepone_backend_growth_bytes", "bytes", "By how much the backend grows in an hour, where that is significant.", g.BytesPerHour)
	}
}

// parts are what each part of the site has in memory.
func (e *exposition) parts(r *statusReport) {
	f := r.Footprint
	one := func(name string, p part) {
		label := [2]string{"part", name}
		e.gauge("keepone_resident_memory_bytes", "bytes", "Resident memory, shared pages counted for each process.", float64(p.RSS), label)
		e.gauge("keepone_processes", "", "Processes.", float64(p.Processes), label)
		if p.PSS != nil {
			e.gauge("keepone_proportional_memory_bytes", "bytes", "Resident memory, of shared pages only a share (PSS).", float64(*p.PSS), label)
			e.gauge("keepone_private_memory_bytes", "bytes", "Resident memory that nobody shares.", float64(*p.Private), label)
			e.gauge("keepone_swap_bytes", "bytes", "Memory that is swapped out.", float64(*p.Swap), label)
		}
	}
	one("backend", f.Backend)
	one("keepone", f.Keepone)
	if f.WebServer != nil {
		one("web_server", *f.WebServer)
	}
}

// visitors are those who are connected, and what they find.
func (e *exposition) visitors(r *statusReport) {
	q := r.Queue
	e.gauge("keepone_queue_pending", "", "Connections that nobody has accepted yet.", float64(q.Pending))
	e.gauge("keepone_queue_pending_max", "", "The most that were pending at any sample.", float64(r.HighWater))
	e.gauge("keepone_queue_active", "", "Connections that the backend has accepted and not closed.", float64(q.Active))
	e.gauge("keepone_queue_backlog", "", "Connections that may be pending.", float64(q.Backlog))
	e.gauge("keepone_queue_oldest_active_seconds", "seconds", "For how long the one who came first has been connected.", q.Oldest)
	cured := func(kind string, n int) {
		e.counter("keepone_socket_cures", "", "What was done to the listening socket by others, and made up for.", float64(n), [2]string{"kind", kind})
	}
	cured("path", r.Cures.Path)
	cured("backlog", r.Cures.Backlog)
	cured("nonblock", r.Cures.Blocking)
	cured("generation", r.Cures.Replaced)
}
