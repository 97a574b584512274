package chart

import (
	"strconv"
	"strings"
)

// perTime is how many columns a time on the axis is given.
const perTime = 10

// ticks writes the time axis: its times, and the marks over them.
func (p *pane) ticks() {
	free := 0 // the first column where another time may stand
	for _, t := range p.frame.times(p.columns() / perTime) {
		x := p.left() + column(t.at, p.columns())
		start := max(0, min(x-len(t.text)/2, p.width-len(t.text)))
		if start < free {
			continue
		}
		p.set(x, p.rows, p.glyphs.tick, 0)
		p.put(start, p.rows+1, t.text, 0)
		free = start + len(t.text) + 1
	}
	for _, m := range p.frame.marks {
		p.set(p.left()+column(p.frame.where(m.At), p.columns()), p.rows, p.glyphs.mark, magenta)
	}
}

// write writes the rows without the spaces at their ends.
func (p *pane) write(out *strings.Builder, color bool) {
	for _, row := range p.cells {
		end := len(row)
		for end > 0 && row[end-1].r == ' ' {
			end--
		}
		now := paint(0)
		for _, c := range row[:end] {
			if color && c.p != now && c.r != ' ' {
				now = c.p
				out.WriteString("\x1b[" + strconv.Itoa(int(now)) + "m")
			}
			out.WriteRune(c.r)
		}
		if now != 0 {
			out.WriteString("\x1b[0m")
		}
		out.WriteByte('\n')
	}
}
