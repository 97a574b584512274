package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keepone/command"
	"keepone/history"
)

// partNames are the parts of a site in the order of history.Sizes, as JSON and
// CSV have them.
var partNames = [history.Parts]string{"backend", "keepone", "web_server"}

// A pastReport is what keepone history --json prints. Sizes are bytes; a part
// that was not seen is missing.
type pastReport struct {
	Minutes []minuteReport `json:"minutes"`
	Seconds []secondReport `json:"seconds"` // of the backend, the last ten minutes
	Events  []eventReport  `json:"events"`
}

type minuteReport struct {
	At    time.Time            `json:"at"`
	Parts map[string][2]uint64 `json:"min_max_bytes"`
}

type secondReport struct {
	At    time.Time `json:"at"`
	Bytes uint64    `json:"backend_bytes"`
}

type eventReport struct {
	At    time.Time `json:"at"`
	Kind  string    `json:"kind"`
	Bytes uint64    `json:"backend_bytes"`
	Text  string    `json:"text"`
}

func historyCommand(s *selection) *cobra.Command {
	var since time.Duration
	var asJSON, asCSV bool
	c := &cobra.Command{
		Use:   "history [NAME]",
		Short: "List its memory minute by minute, and what befell it",
		Long: `History lists the least and the most that each part of the site had in memory in
each minute, and what befell the backend, of the last day at most. It goes on
over restarts, upgrades and reboots, and can be read when keepone does not run.`,
		Example: "    keepone history --since 30m\n    keepone history web2py --since 24h --csv > web2py.csv",
		Args:    oneName,
		RunE: func(c *cobra.Command, args []string) error {
			if err := oneOf(c, "json", "csv"); err != nil {
				return err
			}
			r, _, err := lookBack(s, args, since)
			switch {
			case err != nil:
				return err
			case asJSON:
				return printJSON(reportPast(r))
			case asCSV:
				return printCSV(os.Stdout, r)
			}
			return printPast(os.Stdout, r)
		},
	}
	sinceFlag(c, &since, time.Hour)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: sizes in bytes, and the last minutes second by second")
	c.Flags().BoolVar(&asCSV, "csv", false, "print the minutes as CSV: sizes in bytes")
	return c
}

func sinceFlag(c *cobra.Command, since *time.Duration, normally time.Duration) {
	*since = normally
	c.Flags().Var((*span)(since), "since", "so far back, for instance 30m; there is a day at most")
}

// A span is a duration that may be whole days.
type span time.Duration

func (s *span) String() string { return time.Duration(*s).String() }
func (s *span) Type() string   { return "duration" }
func (s *span) Set(text string) error {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		*s = span(n) * span(24*time.Hour)
		return err
	}
	d, err := time.ParseDuration(text)
	*s = span(d)
	return err
}

// lookBack is the history of the backend that is meant.
func lookBack(s *selection, args []string, since time.Duration) (*history.Record, target, error) {
	t, err := s.resolve(args)
	if err != nil {
		return nil, t, err
	}
	if since <= 0 {
		return nil, t, command.Misused("for instance: --since 30m", "cannot look back for %s", since)
	}
	r, err := past(t)
	if err != nil {
		return nil, t, err
	}
	return r.Since(time.Now().Add(-since)), t, nil
}

func reportPast(r *history.Record) pastReport {
	p := pastReport{Minutes: []minuteReport{}, Seconds: []secondReport{}, Events: []eventReport{}}
	for _, m := range r.Minutes {
		parts := map[string][2]uint64{}
		for i, name := range partNames {
			if m.Max[i] > 0 {
				parts[name] = [2]uint64{m.Min[i], m.Max[i]}
			}
		}
		p.Minutes = append(p.Minutes, minuteReport{m.At, parts})
	}
	for _, s := range r.Seconds {
		p.Seconds = append(p.Seconds, secondReport{s.At, s.Bytes})
	}
	for _, e := range r.Events {
		p.Events = append(p.Events, eventReport{e.At, e.Kind, e.Bytes, e.Text})
	}
	return p
}

func printCSV(w io.Writer, r *history.Record) error {
	out := csv.NewWriter(w)
	head := []string{"time"}
	for _, name := range partNames {
		head = append(head, name+"_min_bytes", name+"_max_bytes")
	}
	out.Write(head)
	for _, m := range r.Minutes {
		row := []string{m.At.Format(time.RFC3339)}
		for i := range partNames {
			low, high := "", ""
			if m.Max[i] > 0 {
				low, high = strconv.FormatUint(m.Min[i], 10), strconv.FormatUint(m.Max[i], 10)
			}
			row = append(row, low, high)
		}
		out.Write(row)
	}
	out.Flush()
	return out.Error() // of any of them
}

// printPast is for people: minutes and events in one order.
func printPast(w io.Writer, r *history.Record) error {
	type line struct {
		at   time.Time
		text string
	}
	var lines []line
	for _, m := range r.Minutes {
		text := m.At.Format("Jan _2 15:04   ")
		for i := range partNames {
			text += fmt.Sprintf("  %-16s", between(m.Min[i], m.Max[i]))
		}
		lines = append(lines, line{m.At, strings.TrimRight(text, " ")})
	}
	for _, e := range r.Events {
		lines = append(lines, line{e.At, fmt.Sprintf("%s  %s: %s", e.At.Format("Jan _2 15:04:05"), e.Kind, e.Text)})
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	if _, err := fmt.Fprintf(w, "%-15s  %-16s  %-16s  %s\n", "time", "backend", "keepone", "web server"); err != nil {
		return err
	}
	for _, l := range lines {
		if _, err := fmt.Fprintln(w, l.text); err != nil {
			return err
		}
	}
	return nil
}

func between(low, high uint64) string {
	switch {
	case high == 0:
		return "-"
	case size(low) == size(high):
		return size(low)
	}
	least, most := size(low), size(high)
	if number, unit, _ := strings.Cut(least, " "); strings.HasSuffix(most, unit) {
		least = number
	}
	return least + "-" + most
}
