package chart

import (
	"math"
	"slices"
	"time"
)

const (
	gapFactor = 3       // so many distances between two points break the curve
	mostBytes = 1 << 60 // more is no memory, and no axis could be drawn for it
)

// A span is the smallest and the largest figure at a place of the time axis,
// from 0 to 1.
type span struct{ at, low, high float64 }

// curves returns the unbroken parts of the curve between from and to. No part
// has more than one span in a column.
func (c Chart) curves(points []Point, from, to time.Time, columns int) (parts [][]span) {
	longest := gapFactor * c.distance(points)
	whole := float64(to.Sub(from))
	broken, last := true, time.Time{}
	for _, p := range points {
		low, high := min(p.Min, p.Max), max(p.Min, p.Max) // NaN if one is
		if !(low >= 0 && high <= mostBytes) {
			broken = true
			continue
		}
		if p.At.Before(from) || p.At.After(to) {
			continue
		}
		if broken || p.At.Sub(last) > longest {
			parts = append(parts, nil)
		}
		broken, last = false, p.At
		part := &parts[len(parts)-1]
		*part = add(*part, span{float64(p.At.Sub(from)) / whole, low, high}, columns)
	}
	return parts
}

// add appends s, or makes it part of the last one if they share a column.
func add(part []span, s span, columns int) []span {
	if n := len(part); n > 0 && column(part[n-1].at, columns) == column(s.at, columns) {
		part[n-1].low, part[n-1].high = min(part[n-1].low, s.low), max(part[n-1].high, s.high)
		return part
	}
	return append(part, s)
}

// column returns which of so many columns a place from 0 to 1 is in.
func column(at float64, columns int) int {
	return max(0, min(int(at*float64(columns)), columns-1))
}

// distance returns the time between two points: what is said, or the median,
// which a few gaps do not change.
func (c Chart) distance(points []Point) time.Duration {
	if c.Every > 0 {
		return c.Every
	}
	var all []time.Duration
	for i := 1; i < len(points); i++ {
		if d := points[i].At.Sub(points[i-1].At); d > 0 {
			all = append(all, d)
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[(len(all)-1)/2] // of two the smaller, lest a single gap hide itself
}

const (
	room      = 1.03      // the axis goes a little beyond the curve, which would else lie on its edge
	leastTop  = 100 << 10 // bytes: no process is so small, and the steps need a range
	farFactor = 3         // a limit so much above the curve would press that flat
)

// scale chooses the vertical axis: it holds the curve and every limit that is
// not far above, begins at 0 unless the curve is high above that, and ends on
// steps.
func (f *frame) scale(limits []limit, steps int) {
	least, most := math.Inf(1), 0.0 // of the curve and the limits, of the curve alone
	for _, part := range f.curves {
		for _, s := range part {
			least, most = min(least, s.low), max(most, s.high)
		}
	}
	top := most * room
	for _, l := range limits {
		if most > 0 && l.bytes > farFactor*most {
			f.above = append(f.above, l)
			continue
		}
		f.within = append(f.within, l)
		least, top = min(least, l.bytes), max(top, l.bytes)
	}
	f.low, f.high = 0, max(top, leastTop)
	if most > 0 && least > f.high/2 {
		f.low = least - (f.high-least)/4
	}
	f.step = step((f.high-f.low)/mebibyte, steps) * mebibyte
	f.low, f.high = math.Floor(f.low/f.step)*f.step, math.Ceil(f.high/f.step)*f.step
}

// height returns the place of a figure on the vertical axis, from 0 to 1.
func (f frame) height(bytes float64) float64 {
	return max(0, min(1, (bytes-f.low)/(f.high-f.low)))
}
