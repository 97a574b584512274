// Package chart draws what a process weighed: in a line, in a terminal, and as
// a picture for a report. Its functions depend on nothing but their arguments,
// and only commands that come and go call them.
//
// It is our own: asciigraph v0.10.0 imports os/exec, has an axis that is not
// ASCII, and knows no band and no marks; of the SVG libraries svgo (2021) and
// go-chart (archived in 2024, 720 KiB) are no longer kept, and gonum.org/v1/plot
// takes 6.9 MiB of the binary and 0.3 MiB of the resident's memory.
package chart

import (
	"cmp"
	"slices"
	"time"
	"unicode"
)

// A Point is what was seen in the time up to the next one, in bytes. One that
// has a NaN, an infinity or a negative figure is a gap.
type Point struct {
	At       time.Time
	Min, Max float64
}

// A Mark is something that happened, a restart.
type Mark struct {
	At    time.Time
	Label string // its reason
}

// A Chart is a curve of memory over time. It is shown in the time zone of From
// or, without one, of the first point; time.Now and time.Unix give local time.
type Chart struct {
	Title      string
	Points     []Point
	Soft, Hard uint64 // limits in bytes, 0 for none
	Marks      []Mark

	// From and To are the ends of the time axis. The zero Time is that of the
	// first, and of the last point.
	From, To time.Time

	// Every is the time from a point to the next. Where more than three times as
	// much lies between two, nobody looked: the curve is broken. 0 stands for the
	// median of the distances; who joins points of two densities says the larger.
	Every time.Duration
}

const (
	mebibyte = 1 << 20
	nothing  = "nothing was seen in this time" // where the curve would be
)

// A frame is what every way of drawing a Chart needs to know of it.
type frame struct {
	from, to time.Time
	curves   [][]span
	marks    []Mark // those between from and to, in order

	low, high, step float64 // of the axis, in bytes
	within, above   []limit
}

// A limit is a line across the picture, or too far above it to be shown.
type limit struct {
	name  string
	bytes float64
	hard  bool
}

// frame prepares the chart for so many columns, and for at most so many steps
// of the vertical axis.
func (c Chart) frame(columns, steps int) frame {
	f := frame{}
	points := slices.SortedStableFunc(slices.Values(c.Points), func(a, b Point) int { return a.At.Compare(b.At) })
	f.from, f.to = c.window(points)
	f.curves = c.curves(points, f.from, f.to, columns)
	for _, m := range c.Marks {
		if !m.At.Before(f.from) && !m.At.After(f.to) {
			m.At, m.Label = m.At.In(f.from.Location()), printable(m.Label)
			f.marks = append(f.marks, m)
		}
	}
	slices.SortStableFunc(f.marks, func(a, b Mark) int { return a.At.Compare(b.At) })
	f.scale(c.limits(), steps)
	return f
}

// window returns the ends of the time axis, which are never the same.
func (c Chart) window(points []Point) (from, to time.Time) {
	from, to = c.From, c.To
	if from.IsZero() && len(points) > 0 {
		from = points[0].At
	}
	if to.IsZero() && len(points) > 0 {
		to = points[len(points)-1].At
	}
	if from.IsZero() {
		from = to.Add(-time.Minute)
	}
	if !to.After(from) {
		to = from.Add(time.Minute)
	}
	return from, to.In(from.Location())
}

func (c Chart) limits() (all []limit) {
	if c.Soft > 0 {
		all = append(all, limit{"soft", float64(c.Soft), false})
	}
	if c.Hard > 0 {
		all = append(all, limit{"hard", float64(c.Hard), true})
	}
	slices.SortStableFunc(all, func(a, b limit) int { return cmp.Compare(a.bytes, b.bytes) })
	return all
}

// where returns the place of a time on the axis, from 0 to 1.
func (f frame) where(t time.Time) float64 {
	return float64(t.Sub(f.from)) / float64(f.to.Sub(f.from))
}

// printable replaces what would command a terminal, or is not text at all.
func printable(s string) string {
	text := []rune(s)
	for i, r := range text {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			text[i] = '?'
		}
	}
	return string(text)
}
