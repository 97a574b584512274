package chart

import (
	"math"
	"strings"
)

// A paint is a parameter of ECMA-48's "select graphic rendition"; 0 is none.
type paint int

const (
	red     paint = 31
	yellow  paint = 33
	blue    paint = 34
	magenta paint = 35
	cyan    paint = 36
)

type cell struct {
	r rune
	p paint
}

// A pane is the picture in a terminal: rows of the curve, the time axis, and
// the times below it. Column 0 is the first of the gutter.
type pane struct {
	frame  frame
	glyphs *glyphs
	cells  [][]cell

	gutter, rows, width int
}

func (p *pane) clear() {
	p.cells = make([][]cell, p.rows+2)
	for y := range p.cells {
		p.cells[y] = make([]cell, p.width)
		for x := range p.cells[y] {
			p.cells[y][x].r = ' '
		}
	}
}

func (p *pane) set(x, y int, r rune, c paint) { p.cells[y][x] = cell{r, c} }

// put writes a text that begins at x, and is cut at the right edge.
func (p *pane) put(x, y int, text string, c paint) {
	for _, r := range text {
		if x < p.width {
			p.set(x, y, r, c)
		}
		x++
	}
}

// row returns the row of a figure, 0 for the uppermost.
func (p *pane) row(bytes float64) int {
	return int(math.Round((1 - p.frame.height(bytes)) * float64(p.rows-1)))
}

// left is the first column right of the axis, columns how many there are.
func (p *pane) left() int    { return p.gutter + 1 }
func (p *pane) columns() int { return p.width - p.left() }

// label names a row on the vertical axis.
func (p *pane) label(y int, text string, c paint) {
	p.put(0, y, strings.Repeat(" ", p.gutter-len(text)), 0)
	p.put(p.gutter-len(text), y, text, c)
	p.set(p.gutter, y, p.glyphs.notch, 0)
}

func (p *pane) axes() {
	for y := range p.rows {
		p.set(p.gutter, y, p.glyphs.axis, 0)
	}
	for _, v := range p.frame.values() {
		p.label(p.row(v), mib(v), 0)
	}
	p.set(p.gutter, p.rows, p.glyphs.corner, 0)
	for x := range p.columns() {
		p.set(p.left()+x, p.rows, p.glyphs.base, 0)
	}
}

// limits draws the limits; on a row of both the higher one, and where the axis
// has a step beside it, the limit's name.
func (p *pane) limits() {
	for _, l := range p.frame.within {
		c := yellow
		if l.hard {
			c = red
		}
		y := p.row(l.bytes)
		p.label(y, l.name+" "+mib(l.bytes), c)
		for x := range p.columns() {
			p.set(p.left()+x, y, p.glyphs.limit(l.hard), c)
		}
	}
}

// A bar is what one column shows.
type bar struct {
	span
	seen, joined bool // joined to the column before
}

// bars returns the columns. Between two points of one part the curve is
// straight.
func (p *pane) bars() []bar {
	all := make([]bar, p.columns())
	for _, part := range p.frame.curves {
		before := -1
		for i, s := range part {
			x := column(s.at, len(all))
			if all[x].seen { // the end of another part
				s.low, s.high = min(s.low, all[x].low), max(s.high, all[x].high)
			}
			all[x] = bar{s, true, before >= 0}
			for k := before + 1; before >= 0 && k < x; k++ {
				share, from := float64(k-before)/float64(x-before), part[i-1]
				all[k] = bar{span{0, from.low + share*(s.low-from.low), from.high + share*(s.high-from.high)}, true, true}
			}
			before = x
		}
	}
	return all
}

func (p *pane) curves() {
	if len(p.frame.curves) == 0 {
		x := p.left() + max(0, (p.columns()-len(nothing))/2)
		p.put(x, p.rows/2, nothing, 0)
	}
	last := 0 // the row of the column before
	for x, b := range p.bars() {
		if !b.seen {
			continue
		}
		y := p.row(b.high)
		p.bend(p.left()+x, last, y, b.joined)
		for below := max(y, last) + 1; below <= p.row(b.low); below++ {
			p.set(p.left()+x, below, p.glyphs.shade, blue)
		}
		last = y
	}
}

// bend draws the curve in one column, from the row that it had to the one that
// it has now.
func (p *pane) bend(x, from, to int, joined bool) {
	g := p.glyphs
	if !joined || from == to {
		p.set(x, to, g.level, cyan)
		return
	}
	for y := min(from, to) + 1; y < max(from, to); y++ {
		p.set(x, y, g.upright, cyan)
	}
	if to < from {
		p.set(x, from, g.upFrom, cyan)
		p.set(x, to, g.upTo, cyan)
		return
	}
	p.set(x, from, g.downFrom, cyan)
	p.set(x, to, g.downTo, cyan)
}
