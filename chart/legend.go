package chart

import "fmt"

// An entry is one part of the legend: a sample of a line and what it means.
type entry struct {
	text        string
	color, dash string
	band        bool
}

const swatch = 26.0 // the width of the sample

func (e entry) long() float64 {
	if e.color == "" {
		return letter*float64(length(e.text)) + 18
	}
	return swatch + 6 + letter*float64(length(e.text)) + 18
}

// explain makes the legend, in lines.
func (v *canvas) explain() (lines [][]entry) {
	all := []entry{{text: "largest", color: stroke}, {text: "down to smallest", color: shade, band: true}}
	for _, l := range v.within {
		e := entry{text: l.name + " limit", color: softInk, dash: softDash}
		if l.hard {
			e.color, e.dash = hardInk, hardDash
		}
		all = append(all, e)
	}
	if n := len(v.marks); n > 0 {
		all = append(all, entry{text: v.counted(), color: markInk, dash: markDash})
	}
	for _, l := range v.above {
		all = append(all, entry{text: fmt.Sprintf("The %s limit of %s MiB is above the picture.", l.name, mib(l.bytes))})
	}
	at := picture
	for _, e := range all {
		if at+e.long() > picture-leftEdge {
			lines, at = append(lines, nil), 0
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], e)
		at += e.long()
	}
	return lines
}

// counted names the marks, and says how many have no label for want of room.
func (v *canvas) counted() string {
	bare := 0
	for _, p := range v.labels {
		if p.row < 0 && p.Label != "" {
			bare++
		}
	}
	if bare > 0 {
		return fmt.Sprintf("restarts: %d, of which %d have no room for the reason", len(v.marks), bare)
	}
	return fmt.Sprintf("restarts: %d", len(v.marks))
}

func (v *canvas) drawLegend() {
	y := v.top + plotHigh + 46
	for _, entries := range v.legend {
		x := leftEdge
		for _, e := range entries {
			text := x
			if e.color != "" {
				text += swatch + 6
			}
			switch {
			case e.band:
				v.print(`<rect x="%.1f" y="%.1f" width="%.0f" height="9" fill="%s"/>`, x, y-8, swatch, e.color)
			case e.color != "":
				v.rule(x, y-4, x+swatch, y-4, e.color, 1.5, e.dash)
			}
			v.print(`<text x="%.1f" y="%.1f">%s</text>`, text, y, escape(e.text))
			x += e.long()
		}
		y += line * 1.4
	}
}
