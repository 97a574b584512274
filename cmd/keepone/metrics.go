package main

import (
	"bytes"
	"cmp"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"keepone/command"
	"keepone/metrics"
)

func metricsCommand(s *selection) *cobra.Command {
	var asHTTP bool
	c := &cobra.Command{
		Use:   "metrics [NAME]",
		Short: "Print everything as OpenMetrics text, for Prometheus",
		Long: `Metrics prints what status knows as OpenMetrics text: of one backend, or of all
that there are. It costs nothing while nobody asks. To be scraped, enable
keepone-metrics.socket; or let cron write a file for node_exporter's textfile
collector, and take care that it is never seen half written:

    * * * * * root keepone metrics > /var/lib/node_exporter/.keepone && mv /var/lib/node_exporter/.keepone /var/lib/node_exporter/keepone.prom`,
		Example: "    keepone metrics\n    keepone metrics web2py",
		Args:    oneName,
		RunE: func(_ *cobra.Command, args []string) error {
			if asHTTP {
				return serveScrape(os.Stdin, os.Stdout, func() ([]byte, error) { return scrape(s, args) })
			}
			text, err := scrape(s, args)
			if err == nil {
				_, err = os.Stdout.Write(text)
			}
			return err
		},
	}
	c.Flags().BoolVar(&asHTTP, "http", false, "answer one HTTP request on standard input, as a socket unit with Accept=yes hands it over")
	return c
}

// scrape asks every backend that is meant. One that does not answer is there,
// too, and down.
func scrape(s *selection, args []string) ([]byte, error) {
	names := known()
	if len(args) > 0 || s.name+s.file+s.runDir != "" || len(names) == 0 {
		t, err := s.resolve(args)
		if err != nil {
			return nil, err
		}
		return expose([]target{t})
	}
	var all []target
	for _, name := range names {
		t, err := s.named(name)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return expose(all)
}

func expose(targets []target) ([]byte, error) {
	e := &exposition{}
	for i, a := range askAll(targets, scrapeTimeout) {
		e.name = cmp.Or(a.report.Name, targets[i].name)
		if f := new(command.Failure); a.err != nil && errors.As(notRunning(targets[i], a.err), &f) && f.Code == lsbUnknown {
			command.Report(f) // not allowed to ask, or no answer: that is no "no"
			continue
		}
		e.gauge("keepone_running", "", "Whether keepone runs.", truth(a.err == nil))
		if a.err == nil {
			a.report.enrich(targets[i], a.own, a.pid)
			e.all(&a.report)
		}
	}
	var text bytes.Buffer
	if err := metrics.Write(&text, e.families); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// An exposition collects figures of several backends, a family for each name.
type exposition struct {
	name     string // of the backend
	families []metrics.Family
}

func (e *exposition) add(kind metrics.Type, name, unit, help string, value float64, labels ...[2]string) {
	sample := metrics.Sample{Labels: append([][2]string{{"name", e.name}}, labels...), Value: value}
	for i := range e.families {
		if e.families[i].Name == name {
			e.families[i].Samples = append(e.families[i].Samples, sample)
			return
		}
	}
	e.families = append(e.families, metrics.Family{Name: name, Help: help, Unit: unit, Type: kind, Samples: []metrics.Sample{sample}})
}

func (e *exposition) gauge(name, unit, help string, value float64, labels ...[2]string) {
	e.add(metrics.Gauge, name, unit, help, value, labels...)
}

func (e *exposition) counter(name, unit, help string, value float64, labels ...[2]string) {
	e.add(metrics.Counter, name, unit, help, value, labels...)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
