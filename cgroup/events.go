package cgroup

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
)

// Counts is how often something has befallen a cgroup or one below it since it
// was made: memory.events, in the kernel's cgroup-v2 document.
type Counts struct {
	Low     uint64 // memory was taken back although usage was below memory.low
	High    uint64 // somebody was slowed down above memory.high
	Max     uint64 // usage was about to pass memory.max
	OOM     uint64 // usage was at memory.max and nothing could be taken back
	OOMKill uint64 // processes killed by any OOM killer, also the host's
}

// Events reads memory.events from a descriptor that stays open, without
// allocating. It belongs to one goroutine.
type Events struct {
	fd   int
	last Counts
	text [512]byte
}

// Watch opens the group's memory.events. What happened before is not news: the
// first Look tells only what changed since.
func (g Group) Watch() (*Events, error) {
	fd, err := unix.Open(g.Dir+"/memory.events", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot watch the memory of %s: %w", g.Dir, err)
	}
	e := &Events{fd: fd}
	e.Look()
	return e, nil
}

// Look returns the counts, and whether one of them differs from the last Look.
// Where the file cannot be read any more the last counts stand.
func (e *Events) Look() (now Counts, changed bool) {
	text := read(e.fd, e.text[:])
	if len(text) == 0 {
		return e.last, false
	}
	now.Low, _ = after(text, "low ")
	now.High, _ = after(text, "high ")
	now.Max, _ = after(text, "max ")
	now.OOM, _ = after(text, "oom ")
	now.OOMKill, _ = after(text, "oom_kill ")
	changed = now != e.last
	e.last = now
	return now, changed
}

// Close releases the descriptor.
func (e *Events) Close() { unix.Close(e.fd) }

// Pressure reads memory.pressure: how much of the time some process of the
// cgroup waited for memory. It does not allocate and belongs to one goroutine.
type Pressure struct {
	fd   int
	text [256]byte
}

// Pressure opens the group's memory.pressure. It fails where the kernel does
// not measure pressure (CONFIG_PSI, psi=1).
func (g Group) Pressure() (*Pressure, error) {
	fd, err := unix.Open(g.Dir+"/memory.pressure", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot watch the memory pressure of %s: %w", g.Dir, err)
	}
	p := &Pressure{fd: fd}
	if _, ok := p.Look(); !ok {
		unix.Close(fd)
		return nil, fmt.Errorf("cannot watch the memory pressure of %s: the kernel does not measure it", g.Dir)
	}
	return p, nil
}

// Look returns the share of the last ten seconds in hundredths of a percent, 0
// to 10000: "some avg10=1.25 ..." is 125. Where it cannot be read it is not ok.
func (p *Pressure) Look() (some uint64, ok bool) {
	text := read(p.fd, p.text[:])
	const before = "some avg10="
	whole, ok := after(text, before)
	if !ok {
		return 0, false
	}
	point := bytes.IndexByte(text, '.')
	if point < 0 || point+2 >= len(text) {
		return 0, false
	}
	return whole*100 + uint64(text[point+1]-'0')*10 + uint64(text[point+2]-'0'), true
}

// Close releases the descriptor.
func (p *Pressure) Close() { unix.Close(p.fd) }

// read returns the beginning of a file of the kernel's, or nothing.
func read(fd int, text []byte) []byte {
	for {
		n, err := unix.Pread(fd, text, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n < 0 {
			return nil
		}
		return text[:n]
	}
}

// after returns the number behind a key at the beginning of a line.
func after(text []byte, key string) (n uint64, ok bool) {
	for len(text) > 0 {
		if len(text) >= len(key) && string(text[:len(key)]) == key {
			for _, c := range text[len(key):] {
				if c < '0' || c > '9' {
					break
				}
				n, ok = n*10+uint64(c-'0'), true
			}
			return n, ok
		}
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			break
		}
		text = text[end+1:]
	}
	return 0, false
}
