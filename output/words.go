package output

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	tailSize = 4 << 10 // bytes remembered
	mostText = 2 << 10 // bytes in Words.Lines together
	mostRows = 10      // lines in Words.Lines
)

// Words is what the backend said last, and how the copying fares.
type Words struct {
	// Lines are at most 10 lines and 2 KiB, oldest first, a last one without a
	// newline included, blank ones not. They are valid UTF-8 without control
	// characters; a line that begins with "…" has lost its beginning.
	Lines []string
	Lost  uint64 // bytes that could not be written to the target
	Cause error  // why the target cannot be written at present, or nil
}

// tail is the end of the output.
type tail struct {
	bytes [tailSize]byte
	n     int
	cut   bool // it begins within a line
}

func (t *tail) add(b []byte) {
	if over := t.n + len(b) - tailSize; over > 0 {
		if over <= t.n {
			t.cut = t.bytes[over-1] != '\n'
			t.n = copy(t.bytes[:], t.bytes[over:t.n])
		} else {
			t.cut = b[over-t.n-1] != '\n'
			b, t.n = b[over-t.n:], 0
		}
	}
	t.n += copy(t.bytes[t.n:], b)
}

func (t *tail) lines() []string {
	var lines []string
	rest, room := t.bytes[:t.n], mostText
	for len(rest) > 0 && len(lines) < mostRows {
		begin := bytes.LastIndexByte(rest, '\n') + 1
		line := visible(rest[begin:])
		if begin == 0 && t.cut && line != "" {
			line = "…" + line
		}
		rest = rest[:max(begin-1, 0)]
		if line == "" {
			continue
		}
		if len(line) > room {
			if len(lines) > 0 {
				break
			}
			line = end(line, room)
		}
		room -= len(line) + 1
		lines = append(lines, line)
	}
	slices.Reverse(lines)
	return lines
}

// end returns the last n bytes of line or a few less, marked as cut.
func end(line string, n int) string {
	line = line[len(line)-n+len("…"):]
	for len(line) > 0 && !utf8.RuneStart(line[0]) {
		line = line[1:]
	}
	return "…" + line
}

// visible makes a line safe to show on a terminal: control characters become
// their pictures (U+2400...), everything else that does not print the
// replacement character. Blanks at its end are dropped, the CR of CR LF with them.
func visible(line []byte) string {
	line = bytes.TrimRight(line, " \t\r")
	var b strings.Builder
	b.Grow(len(line))
	for len(line) > 0 {
		r, size := utf8.DecodeRune(line)
		line = line[size:]
		switch {
		case r == '\t':
			b.WriteString("    ")
		case r < ' ':
			b.WriteRune('\u2400' + r)
		case r == 0x7f:
			b.WriteRune('\u2421')
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteRune(utf8.RuneError)
		}
	}
	return b.String()
}
