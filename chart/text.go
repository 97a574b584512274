package chart

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	leastWidth = 24 // columns
	leastRows  = 4  // of the curve itself
)

// Text draws the chart for a terminal of so many columns, in at most height
// lines where the curve has four of them; none ends in a space, and the last
// ends in a newline, too. The curve is the largest of each column's time, the
// shade below it goes down to the smallest. A figure above the picture, and
// each mark, is told in words below it. With color the parts are told apart by
// the eight colors that every terminal has. A width below 24 counts as 24.
func Text(c Chart, width, height int, color bool) string {
	return c.text(max(width, leastWidth), height, &boxes, color)
}

// ASCII is Text for a terminal that shows nothing but ASCII.
func ASCII(c Chart, width, height int, color bool) string {
	return c.text(max(width, leastWidth), height, &plain, color)
}

func (c Chart) text(width, height int, g *glyphs, color bool) string {
	const around = 3 // lines: the title, the time axis, its ticks
	rows := max(leastRows, height-around)
	notes := c.frame(width, 1).notes(width, g)
	notes = notes[:min(len(notes), rows-leastRows)]
	rows -= len(notes)
	gutter := c.gutter(width, rows/2)
	p := &pane{frame: c.frame(width-gutter-1, rows/2), glyphs: g, gutter: gutter, rows: rows, width: width}
	p.clear()
	p.axes()
	p.limits()
	p.curves()
	p.ticks()
	var out strings.Builder
	unit := fmt.Sprintf("%*s", gutter, "MiB")
	out.WriteString(strings.TrimRight(cut(unit+"  "+g.text(printable(c.Title)), width), " ") + "\n")
	p.write(&out, color)
	for _, n := range notes {
		out.WriteString(n + "\n")
	}
	return out.String()
}

// gutter returns the columns left of the vertical axis: its widest label.
func (c Chart) gutter(width, steps int) int {
	f, n := c.frame(width, steps), len("MiB")
	for _, v := range f.values() {
		n = max(n, len(mib(v)))
	}
	for _, l := range f.within {
		n = max(n, len(l.name)+1+len(mib(l.bytes)))
	}
	return n
}

// notes are the lines below the picture: what the lines mean, and the marks.
func (f frame) notes(width int, g *glyphs) (lines []string) {
	items := []string{g.name(g.level, "largest"), g.name(g.shade, "down to smallest")}
	for _, l := range f.within {
		items = append(items, g.name(g.limit(l.hard), l.name+" limit "+mib(l.bytes)+" MiB"))
	}
	for _, l := range f.above {
		items = append(items, l.name+" limit "+mib(l.bytes)+" MiB is above the picture")
	}
	lines = wrap(items, width, 2)
	var marks []string
	for _, m := range f.marks {
		marks = append(marks, g.name(g.mark, strings.TrimSpace(f.moment(m.At)+" "+g.text(m.Label))))
	}
	return append(lines, wrap(marks, width, 2)...)
}

// wrap joins items to at most so many lines, and says how many are left out.
func wrap(items []string, width, most int) (lines []string) {
	first := 0 // of the last line
	for i, item := range items {
		item = cut(item, width)
		last := len(lines) - 1
		switch {
		case last >= 0 && length(lines[last])+2+length(item) <= width:
			lines[last] += "  " + item
		case len(lines) < most:
			lines, first = append(lines, item), i
		default:
			return append(lines[:last], shorten(items[first:i], len(items)-i, width))
		}
	}
	return lines
}

// shorten joins the first of the items that leave room for saying how many more
// there are.
func shorten(items []string, more, width int) string {
	for ; len(items) > 0; more++ {
		text := fmt.Sprintf("%s  and %d more", strings.Join(items, "  "), more)
		if length(text) <= width {
			return text
		}
		items = items[:len(items)-1]
	}
	return fmt.Sprintf("and %d more", more)
}

func length(s string) int { return utf8.RuneCountInString(s) }

// cut shortens s to so many characters.
func cut(s string, width int) string {
	if length(s) <= width {
		return s
	}
	return string([]rune(s)[:max(0, width)])
}

// ellipsis is cut that shows that something is missing.
func ellipsis(s string, width int) string {
	if length(s) <= width {
		return s
	}
	return cut(s, width-1) + "…"
}
