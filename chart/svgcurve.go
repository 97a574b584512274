package chart

import "fmt"

// drawCurves draws the shade from the smallest to the largest figures, and the
// largest as a line. A point alone, which would be no line, is a dot.
func (v *canvas) drawCurves() {
	if len(v.curves) == 0 {
		v.print(`<text x="%.1f" y="%.1f" text-anchor="middle" font-size="14">%s</text>`, v.x(0.5), v.top+plotHigh/2, nothing)
	}
	for _, part := range v.curves {
		v.out.WriteString(`<path fill="` + shade + `" d="`)
		for i, s := range part {
			v.point(i, s.at, s.high)
		}
		for i := len(part) - 1; i >= 0; i-- {
			v.point(1, part[i].at, part[i].low)
		}
		v.print(`Z"/>`)
	}
	for _, part := range v.curves {
		if len(part) == 1 {
			v.print(`<circle cx="%.1f" cy="%.1f" r="1.6" fill="%s"/>`, v.x(part[0].at), v.y(part[0].high), stroke)
			if s := part[0]; s.low < s.high {
				v.rule(v.x(s.at), v.y(s.low), v.x(s.at), v.y(s.high), stroke, 0.8, "")
			}
			continue
		}
		v.out.WriteString(`<path fill="none" stroke="` + stroke + `" stroke-width="1.5" stroke-linejoin="round" d="`)
		for i, s := range part {
			v.point(i, s.at, s.high)
		}
		v.print(`"/>`)
	}
}

// point goes on with a path, or begins it.
func (v *canvas) point(i int, at, bytes float64) {
	command := 'L'
	if i == 0 {
		command = 'M'
	}
	fmt.Fprintf(v.out, "%c%.1f %.1f", command, v.x(at), v.y(bytes))
}

// drawLimits draws the limits and names them at the right edge; the names keep
// clear of each other where the lines do not.
func (v *canvas) drawLimits() {
	below := v.top + plotHigh + line // of the name before, in rising order
	for _, l := range v.within {
		color, dash := softInk, softDash
		if l.hard {
			color, dash = hardInk, hardDash
		}
		y := v.y(l.bytes)
		v.rule(leftEdge, y, rightEdge, y, color, 1.4, dash)
		text := min(y, below-line)
		v.print(`<text x="%.1f" y="%.1f" fill="%s">%s %s MiB</text>`, rightEdge+7, text+4, color, l.name, mib(l.bytes))
		below = text
	}
}

// A placed is a mark's label: the row above the plot that it is in, -1 where
// none had room, and where it begins.
type placed struct {
	Mark
	text  string // of the label, shortened
	row   int
	start float64
}

const (
	markRows = 3
	bareHigh = 14.0 // of a mark without a label
)

// place gives every label the lowest row where it has room.
func (v *canvas) place() (all []placed) {
	var free [markRows]float64
	for _, m := range v.marks {
		x := v.x(v.where(m.At))
		p := placed{m, ellipsis(m.Label, longLabel), -1, max(leftEdge, x-3)}
		long := letter * float64(length(p.text))
		p.start = min(p.start, picture-8-long)
		for row := range free {
			if p.start >= free[row] && p.text != "" {
				p.row, free[row] = row, p.start+long+10
				break
			}
		}
		all = append(all, p)
	}
	return all
}

// drawMarks draws the marks from the axis up to their labels; one without a
// label only stands on the axis, for many of them would hide the curve. A
// program that shows the picture on a screen tells what a mark is that it
// points at.
func (v *canvas) drawMarks() {
	bottom := v.top + plotHigh
	for _, p := range v.labels {
		x, top, dash := v.x(v.where(p.At)), v.top-4-line*float64(p.row), markDash
		if p.row < 0 {
			top, dash = bottom-bareHigh, ""
		}
		v.print(`<g><title>%s</title>`, escape(v.moment(p.At)+" "+p.Label))
		v.rule(x, top, x, bottom, markInk, 1, dash)
		v.print(`</g>`)
	}
	for _, p := range v.labels { // over the lines, which leave room for them
		if p.row >= 0 {
			v.print(`<text x="%.1f" y="%.1f" fill="%s" stroke="#fff" stroke-width="4" paint-order="stroke">%s</text>`,
				p.start, v.top-7-line*float64(p.row), markInk, escape(p.text))
		}
	}
}
