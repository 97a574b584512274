package main

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"time"

	"keepone/chart"
	"keepone/command"
	"keepone/history"
)

// A growthReport is what the latest backend's history says of its size.
type growthReport struct {
	BytesPerHour float64  `json:"bytes_per_hour"`
	Reaches      *float64 `json:"reaches_limit_seconds,omitempty"` // at that rate; missing without a limit
}

// past reads the history: the running keepone's, else what the latest one
// saved. Anybody may.
func past(t target) (*history.Record, error) {
	r, err := history.Read(t.history())
	if err != nil { // missing, or of no use
		first := err
		saved := t.savedHistory()
		if c, bad := loadConfig(t); bad == nil {
			saved = c.Memory.History
		}
		if r, err = history.Read(saved); err != nil && !errors.Is(first, fs.ErrNotExist) {
			err = first
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, command.Fail(command.Failed, "it begins when keepone runs: keepone run "+t.name, errors.New("there is no history of "+t.name+" yet"))
	}
	return r, err
}

// enrich adds what is measured or computed here and not in the resident, which
// is to stay small. A history that cannot be had is no error.
func (r *statusReport) enrich(t target, own part, pid int) {
	r.weighAll(own, pid)
	record, err := past(t)
	if err != nil {
		return
	}
	g := record.Growth(time.Now())
	if !g.Significant {
		return
	}
	r.Growth = &growthReport{BytesPerHour: g.BytesPerHour}
	limit := cmp.Or(r.Memory.Soft, r.Memory.Hard)
	if d := g.Reaches(r.Backend.RSS+r.Backend.Swap, limit); d != history.Never {
		seconds := d.Seconds()
		r.Growth.Reaches = &seconds
	}
}

// recent is the last minutes as a line of bars.
func recent(t target, width int) string {
	record, err := past(t)
	if err != nil || len(record.Seconds) < 2 || !utf8Locale() {
		return ""
	}
	seconds := record.Seconds
	seconds = seconds[max(0, len(seconds)-width):]
	values := make([]float64, len(seconds))
	for i, p := range seconds {
		values[i] = float64(p.Bytes)
	}
	span := seconds[len(seconds)-1].At.Sub(seconds[0].At).Seconds()
	return "last " + duration(span) + ", " + size(uint64(slices.Min(values))) + " to " + size(uint64(slices.Max(values))) + "\n" +
		chart.Sparkline(values, width) + "\n"
}
