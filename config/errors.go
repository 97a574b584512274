package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Error is one problem of a configuration.
type Error struct {
	File   string // "" when there is none
	Line   int    // from 1; 0 when the problem has no place in a file
	Column int    // from 1, in characters
	Text   string // that line; "" where it could hold a secret or says nothing
	Msg    string
	Hint   string // what to do next; may be ""
}

// Error gives the position, the message, the line with a caret below, and the hint, on up to four lines.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Msg)
	if e.Text != "" {
		b.WriteString("\n    " + visible(e.Text) + "\n    " + caret(e.Text, e.Column))
	}
	if e.Hint != "" {
		b.WriteString("\nhint: " + e.Hint)
	}
	return b.String()
}

// Errors is every problem of a configuration, in order of position.
type Errors []*Error

// shown bounds how many problems Error prints, and longest how much of a line: a file may be garbage.
const (
	shown   = 20
	longest = 160
)

// Error gives the problems one after the other; of very many, the first.
func (e Errors) Error() string {
	var b strings.Builder
	for i, problem := range e {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == shown {
			fmt.Fprintf(&b, "and %d more", len(e)-shown)
			break
		}
		b.WriteString(problem.Error())
	}
	return b.String()
}

// Unwrap lets errors.As find the first *Error.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, problem := range e {
		all[i] = problem
	}
	return all
}

func (e Errors) sort() {
	slices.SortFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Msg, b.Msg))
	})
}

// visible keeps a line from playing tricks on the terminal, and from filling it.
func visible(line string) string {
	runes := []rune(line)
	if len(runes) > longest {
		runes = append(runes[:longest:longest], '…')
	}
	for i, r := range runes {
		if r != '\t' && !unicode.IsPrint(r) {
			runes[i] = '?'
		}
	}
	return string(runes)
}

// caret points at a column of a line; tabs before it are kept, so that it stands right whatever their width.
func caret(line string, column int) string {
	var b strings.Builder
	for i, r := range []rune(line) {
		if i >= column-1 || i >= longest {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String() + "^"
}
