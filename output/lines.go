package output

import (
	"bytes"
	"unicode/utf8"
)

// A cutter cuts the output into lines and puts each behind a prefix, where it is
// complete as it stands: nothing is copied twice. A line that is too long
// becomes severac.
type cutter struct {
	buf   []byte // the prefix, then the line so far
	head  int    // length of the prefix
	most  int    // bytes of a line
	level byte   // of the line: '0' to '7'
	rest  bool   // the line's beginning has been put already
	put   func()
}

const info = '6' // the level of a line that does not say its own

func newCutter(prefix string, most int, put func()) cutter {
	return cutter{buf: []byte(prefix), head: len(prefix), most: most, level: info, put: put}
}

func (c *cutter) text() []byte { return c.buf[c.head:] }

func (c *cutter) add(b []byte) {
	for len(b) > 0 {
		line, after, whole := bytes.Cut(b, []byte{'\n'})
		for len(line) > 0 {
			n := min(len(line), c.most-len(c.text()))
			if n == 0 {
				c.split()
				continue
			}
			c.buf = append(c.buf, line[:n]...)
			line = line[n:]
		}
		if whole {
			c.end()
		}
		b = after
	}
}

// end puts the line. An empty one is not worth an entry.
func (c *cutter) end() {
	c.one()
	c.buf, c.level, c.rest = c.buf[:c.head], info, false
}

// split puts what there is of a line, but no piece of a character.
func (c *cutter) split() {
	text := c.text()
	n := len(text)
	for i := n - 1; i > 0 && i >= n-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) {
			if !utf8.FullRune(text[i:]) {
				n = i
			}
			break
		}
	}
	var piece [utf8.UTFMax]byte
	left := copy(piece[:], text[n:])
	c.buf = c.buf[:c.head+n]
	c.one()
	c.buf = append(c.buf[:c.head], piece[:left]...)
	c.rest = true
}

// one honours the "<3>" with which a line may say its level, sd-daemon(3).
func (c *cutter) one() {
	if t := c.text(); !c.rest && len(t) >= 3 && t[0] == '<' && '0' <= t[1] && t[1] <= '7' && t[2] == '>' {
		c.level = t[1]
		c.buf = append(c.buf[:c.head], t[3:]...)
	}
	if len(c.text()) > 0 {
		c.put()
	}
}
