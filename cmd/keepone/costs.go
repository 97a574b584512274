package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/prometheus/procfs"
	"github.com/spf13/cobra"

	"keepone/command"
	"keepone/config"
	"keepone/history"
)

// A costReport is what keepone report --json prints. Sizes are bytes.
type costReport struct {
	From  time.Time           `json:"from"`
	To    time.Time           `json:"to"`
	Parts map[string]costPart `json:"parts"`      // and "sum"
	Rest  uint64              `json:"rest_bytes"` // what this host uses besides, now
	Plan  uint64              `json:"plan_bytes"` // the smallest that fits
	Spare float64             `json:"spare"`      // of the plan, 1 is all
}

type costPart struct {
	Minutes int    `json:"minutes"`
	Minimum uint64 `json:"minimum_bytes"`
	Median  uint64 `json:"median_bytes"`
	P95     uint64 `json:"p95_bytes"`
	Maximum uint64 `json:"maximum_bytes"`
}

func reportCommand(s *selection) *cobra.Command {
	var since time.Duration
	var asJSON, suggest bool
	c := &cobra.Command{
		Use:   "report [NAME]",
		Short: "Say what the site costs, and the smallest plan that it fits",
		Long: fmt.Sprintf(`Report sums up what each part of the site had in memory, and names the smallest
plan (64, 128, 256, 512 MiB ...) that holds the largest minute of all of them
together and a quarter of it, beside what else this host uses now. With --suggest
it prints the limits that would fit this backend, to paste into %s/NAME.toml.`, config.Dir()),
		Example: "    keepone report\n    keepone report web2py --suggest",
		Args:    oneName,
		RunE: func(c *cobra.Command, args []string) error {
			if err := oneOf(c, "json", "suggest"); err != nil {
				return err
			}
			r, t, err := lookBack(s, args, since)
			switch {
			case err != nil:
				return err
			case len(r.Minutes) == 0:
				return fmt.Errorf("cannot report on %s: nothing was seen in the last %s", t.name, duration(since.Seconds()))
			case suggest:
				return printSuggestion(os.Stdout, t, r)
			case asJSON:
				return printJSON(reportCosts(r))
			}
			return reportCosts(r).print(os.Stdout, t)
		},
	}
	sinceFlag(c, &since, 24*time.Hour)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: sizes in bytes")
	c.Flags().BoolVar(&suggest, "suggest", false, "print a [memory] section that fits this backend")
	return c
}

func reportCosts(r *history.Record) *costReport {
	all := r.Costs()
	c := &costReport{From: r.Minutes[0].At, To: r.Minutes[len(r.Minutes)-1].At.Add(time.Minute), Parts: map[string]costPart{}}
	for i, name := range partNames {
		c.Parts[name] = costPartOf(all.Parts[i])
	}
	c.Parts["sum"] = costPartOf(all.Sum)
	c.Rest = restOfHost(r.Minutes[len(r.Minutes)-1])
	c.Plan, c.Spare = history.Plan(all.Sum.Maximum, c.Rest)
	return c
}

func costPartOf(c history.Cost) costPart { return costPart{c.N, c.Minimum, c.Median, c.P95, c.Maximum} }

// restOfHost is what the host uses now without the site, kernel and all: what
// it has and is not to be had any more (MemAvailable of proc_meminfo(5)), less
// the site's parts as they were seen last. 0 where that cannot be told.
func restOfHost(latest history.Minute) uint64 {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0
	}
	m, err := fs.Meminfo()
	if err != nil || m.MemTotalBytes == nil || m.MemAvailableBytes == nil {
		return 0
	}
	used := *m.MemTotalBytes - min(*m.MemTotalBytes, *m.MemAvailableBytes)
	for _, part := range latest.Max {
		used -= min(used, part)
	}
	return used
}

func (c *costReport) print(w io.Writer, t target) error {
	fmt.Fprintf(w, "%s, %s to %s\n\n", t.name, c.From.Format("Jan _2 15:04"), c.To.Format("Jan _2 15:04"))
	fmt.Fprintf(w, "%-12s %10s %10s %10s %10s %8s\n", "", "minimum", "median", "95 %", "maximum", "minutes")
	for _, name := range append(partNames[:len(partNames):len(partNames)], "sum") {
		if p := c.Parts[name]; p.Minutes > 0 {
			fmt.Fprintf(w, "%-12s %10s %10s %10s %10s %8d\n", label(name), size(p.Minimum), size(p.Median), size(p.P95), size(p.Maximum), p.Minutes)
		} else {
			fmt.Fprintf(w, "%-12s %10s\n", label(name), "not seen")
		}
	}
	_, err := fmt.Fprintf(w, "\nThe rest of this host uses %s now. The smallest plan for all of it is %s: with the\nlargest minute, %.0f %% of it is spare. Sizes are RSS as it was sampled, once a second:\nwhat a request takes for a shorter time is not seen.\n",
		size(c.Rest), size(c.Plan), 100*c.Spare)
	return err
}

// label is a part's name for people.
func label(part string) string {
	if part == "web_server" {
		return "web server"
	}
	return part
}

func printSuggestion(w io.Writer, t target, r *history.Record) error {
	soft, hard, ok := r.Suggest()
	if !ok {
		return command.Fail(command.Failed, "ask again when it has run for half an hour under its usual load, not counting the ten minutes after each start",
			fmt.Errorf("cannot suggest limits for %s: too little was seen of it", t.name))
	}
	_, err := fmt.Fprintf(w, "[memory]\nsoft = \"%dMiB\"\nhard = \"%dMiB\"\n", soft>>20, hard>>20)
	return err
}
