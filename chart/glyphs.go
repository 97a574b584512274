package chart

import "strings"

// glyphs are the characters of a terminal.
type glyphs struct {
	level, upright                        rune // of the curve
	upFrom, upTo, downFrom, downTo        rune // its bends
	shade, soft, hard                     rune
	axis, notch, corner, base, tick, mark rune
	ascii                                 bool
}

var (
	boxes = glyphs{
		level: '─', upright: '│', upFrom: '╯', upTo: '╭', downFrom: '╮', downTo: '╰',
		shade: '░', soft: '┄', hard: '═',
		axis: '│', notch: '┤', corner: '└', base: '─', tick: '┬', mark: '▲',
	}
	plain = glyphs{
		level: '-', upright: '|', upFrom: '\'', upTo: '.', downFrom: '.', downTo: '\'',
		shade: ':', soft: '~', hard: '=',
		axis: '|', notch: '+', corner: '+', base: '-', tick: '+', mark: '^', ascii: true,
	}
)

func (g *glyphs) limit(hard bool) rune {
	if hard {
		return g.hard
	}
	return g.soft
}

// name says what a character of the picture means.
func (g *glyphs) name(r rune, meaning string) string { return string(r) + " " + meaning }

// text replaces what the terminal cannot show.
func (g *glyphs) text(s string) string {
	if !g.ascii {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r > '~' {
			return '?'
		}
		return r
	}, s)
}
