// Package metrics writes figures for programs that collect them, in the text
// format of OpenMetrics 1.0 (prometheus.io/docs/specs/om/open_metrics_spec).
//
// It is our own: the writer of Prometheus, common/expfmt, links net/http.
package metrics

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
)

// ContentType is what a web server says of what Write writes.
const ContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

// A Type is how the figures of a Family behave.
type Type string

// The types that there are here; OpenMetrics knows more.
const (
	Gauge   Type = "gauge"   // goes up and down; any number, also NaN and the infinities
	Counter Type = "counter" // never goes down but to 0; its samples are called NAME_total
	Info    Type = "info"    // labels that tell something, as NAME_info; the value is always 1. It is written as a gauge: parsers of the classic format know no info
)

// A Family is the figures of one name.
type Family struct {
	Name    string // without the _total or _info that the type adds
	Help    string // one sentence, may be empty
	Unit    string // in the plural: bytes, seconds; the name ends in it. Not for an Info
	Type    Type
	Samples []Sample // none is allowed
}

// A Sample is one figure. Where two of a family have the same labels, they
// follow each other and are of rising times.
type Sample struct {
	Labels [][2]string // name and value; what is no UTF-8 in a value is replaced
	Value  float64     // in the family's unit; an Info's is not looked at

	// Created is when a Counter began at 0, where that is known.
	Created time.Time
	// At is when the figure was seen. Only figures of the past have one: the zero
	// Time stands for now, which who collects them knows better. Not for an Info.
	At time.Time
}

// Write writes the families in their order, and the end mark. Nothing is
// written where one of them is not as OpenMetrics demands; the error names it.
// The other errors are those of w.
func Write(w io.Writer, families []Family) error {
	taken := map[string]string{}
	for _, f := range families {
		if err := f.check(taken); err != nil {
			return fmt.Errorf("cannot write the metric family %q: %w", f.Name, err)
		}
	}
	out := bufio.NewWriter(w)
	for _, f := range families {
		f.write(out)
	}
	out.WriteString("# EOF\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("cannot write the metrics: %w", err)
	}
	return nil
}

// write writes a family. A bufio.Writer keeps the first error.
func (f Family) write(out *bufio.Writer) {
	name, kind := f.Name, f.Type
	if kind == Info {
		name, kind = name+"_info", Gauge
	}
	meta := func(what, text string) {
		if text != "" {
			out.WriteString("# " + what + " " + name + " " + text + "\n")
		}
	}
	meta("TYPE", string(kind))
	meta("UNIT", f.Unit)
	meta("HELP", escape(f.Help))
	for _, s := range f.Samples {
		switch f.Type {
		case Info:
			s.line(out, f.Name+"_info", 1)
		case Counter:
			s.line(out, f.Name+"_total", s.Value)
			if !s.Created.IsZero() {
				s.write(out, f.Name+"_created", seconds(s.Created))
			}
		default:
			s.line(out, f.Name, s.Value)
		}
	}
}

func (s Sample) line(out *bufio.Writer, name string, value float64) {
	s.write(out, name, number(value))
}

func (s Sample) write(out *bufio.Writer, name, value string) {
	out.WriteString(name)
	for i, l := range s.Labels {
		out.WriteByte("{,"[min(i, 1)])
		out.WriteString(l[0] + `="` + escape(l[1]) + `"`)
	}
	if len(s.Labels) > 0 {
		out.WriteByte('}')
	}
	out.WriteString(" " + value)
	if !s.At.IsZero() {
		out.WriteString(" " + seconds(s.At))
	}
	out.WriteByte('\n')
}

var escaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// escape writes text as the ABNF's escaped-string.
func escape(s string) string { return escaper.Replace(strings.ToValidUTF8(s, "\uFFFD")) }
