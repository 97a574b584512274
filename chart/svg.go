package chart

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// The picture's measures, in its own units, which are pixels on a screen.
const (
	picture             = 960.0       // its width
	leftEdge, rightEdge = 56.0, 848.0 // of the plot
	plotHigh            = 320.0
	letter              = 6.2  // the mean width of a character of 11 units
	line                = 16.0 // from a line of text to the next

	mostSteps = 9  // of the vertical axis
	mostTimes = 11 // on the other
	longTitle = 75 // characters that fit beside each other
	longLabel = 45 // characters of a mark: two fit
)

// The colors stay apart on paper, in grey, and for eyes that cannot tell red
// from green: what is a limit or a mark has its own dashes, too.
const (
	ink, faint, shade = "#222", "#ddd", "#c6d7ec"
	stroke            = "#174a84" // the curve
	softInk, hardInk  = "#9a5b00", "#b00020"
	markInk           = "#6a4c93"
	softDash          = "7 4"
	hardDash          = "12 3 2 3"
	markDash          = "2 3"
)

// A picture in the making: print remembers the first error by itself, as a
// bufio.Writer does.
type canvas struct {
	frame
	out    *bufio.Writer
	top    float64 // of the plot
	labels []placed
	legend [][]entry
}

// SVG writes the chart as a picture for a report: 960 units wide, in one piece,
// without scripts and fonts of its own. The curve is the largest figure of each
// point, the shade below it goes down to the smallest. The only errors are those
// of w.
func SVG(w io.Writer, c Chart) error {
	v := &canvas{frame: c.frame(int(rightEdge-leftEdge), mostSteps), out: bufio.NewWriter(w)}
	v.labels = v.place()
	v.legend = v.explain()
	rows := 0
	for _, l := range v.labels {
		rows = max(rows, l.row+1)
	}
	v.top = 70 + line*float64(rows)
	high := v.top + plotHigh + 34 + line*1.4*float64(len(v.legend))
	v.print(`<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" `+
		`role="img" font-family="DejaVu Sans, Verdana, Helvetica, Arial, sans-serif" font-size="11" fill="%s">`,
		picture, high, picture, high, ink)
	title := escape(ellipsis(printable(c.Title), longTitle))
	v.print(`<title>%s</title>`, title)
	v.print(`<rect width="%.0f" height="%.0f" fill="#fff"/>`, picture, high)
	v.print(`<text x="%.0f" y="26" font-size="16" font-weight="bold">%s</text>`, leftEdge, title)
	v.print(`<text x="%.0f" y="44">%s</text>`, leftEdge, escape(v.period()))
	v.grid()
	v.drawMarks()
	v.drawCurves()
	v.drawLimits()
	v.drawLegend()
	v.print(`</svg>`)
	if err := v.out.Flush(); err != nil {
		return fmt.Errorf("cannot write the picture: %w", err)
	}
	return nil
}

func (v *canvas) print(format string, args ...any) { fmt.Fprintf(v.out, format+"\n", args...) }

// period says what time the picture is of, and in which zone.
func (v *canvas) period() string {
	const full = "2 January 2006 15:04"
	last := v.to.Format(full + " MST")
	if v.from.Format(full[:len("2 January 2006")]) == v.to.Format(full[:len("2 January 2006")]) {
		last = v.to.Format("15:04 MST")
	}
	return v.from.Format(full) + " to " + last
}

// x and y place a part of the time axis and a figure in the picture.
func (v *canvas) x(at float64) float64    { return leftEdge + at*(rightEdge-leftEdge) }
func (v *canvas) y(bytes float64) float64 { return v.top + (1-v.height(bytes))*plotHigh }

// grid draws the axes.
func (v *canvas) grid() {
	bottom := v.top + plotHigh
	v.print(`<text x="%.1f" y="%.1f" text-anchor="end">MiB</text>`, leftEdge-8, v.top-12)
	for _, b := range v.values() {
		v.rule(leftEdge, v.y(b), rightEdge, v.y(b), faint, 1, "")
		v.print(`<text x="%.1f" y="%.1f" text-anchor="end">%s</text>`, leftEdge-8, v.y(b)+4, mib(b))
	}
	for _, t := range v.times(mostTimes) {
		v.rule(v.x(t.at), v.top, v.x(t.at), bottom+5, faint, 1, "")
		v.print(`<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, v.x(t.at), bottom+18, t.text)
	}
	v.rule(leftEdge, bottom, rightEdge, bottom, ink, 1, "")
	v.rule(leftEdge, v.top, leftEdge, bottom, ink, 1, "")
}

// rule draws a straight line.
func (v *canvas) rule(x1, y1, x2, y2 float64, color string, width float64, dash string) {
	if dash != "" {
		dash = ` stroke-dasharray="` + dash + `"`
	}
	v.print(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%g"%s/>`, x1, y1, x2, y2, color, width, dash)
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// escape makes text of XML that is printable already.
func escape(s string) string { return escaper.Replace(s) }
