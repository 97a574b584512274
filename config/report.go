package config

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// largest bounds what keepone reads: a configuration or a file of variables is a page or two, and the daemon is small.
const largest = 256 << 10

// report collects problems and knows where in the text each key stands.
type report struct {
	file    string
	text    string
	starts  []int           // offset of each line
	offsets map[string]int  // of "backend", "backend.command"...: where it is first named
	told    map[string]bool // keys with a problem
	excused map[string]bool // keys that are there under a wrong name
	errors  Errors
}

// add reports a problem of a key, at the key's place, else its section's, else the top. A key has one problem, the
// first: others may follow from it.
func (r *report) add(key, hint, msg string) {
	if r.told[key] {
		return
	}
	if r.told == nil {
		r.told = map[string]bool{}
	}
	r.told[key] = true
	e := &Error{File: r.file, Msg: msg, Hint: hint}
	r.errors = append(r.errors, e)
	if r.starts == nil {
		return
	}
	section, _, _ := strings.Cut(key, ".")
	e.Line, e.Column = 1, 1
	for _, k := range []string{key, section} {
		if offset, ok := r.offsets[k]; ok {
			e.Line, e.Column, e.Text = r.locate(offset)
			break
		}
	}
	// A variable, or what may be one in a misspelt section, could be a password: only the header of a section may be shown.
	if !public(section) && !strings.HasPrefix(strings.TrimSpace(e.Text), "[") {
		e.Text = ""
	}
}

// excuse keeps a key from being reported as missing.
func (r *report) excuse(key string) {
	if r.excused == nil {
		r.excused = map[string]bool{}
	}
	r.excused[key] = true
}

// missing reports a required key that is not there.
func (r *report) missing(key, msg string) {
	if !r.excused[key] {
		r.add(key, "for example: "+keyNamed(key).line(), msg)
	}
}

func (r *report) err() error {
	if len(r.errors) == 0 {
		return nil
	}
	r.errors.sort()
	return r.errors
}

// read decodes the text and notes the place of each key. What is not TOML is reported and nothing returned.
func (r *report) read(text []byte) map[string]any {
	if len(text) > largest {
		r.errors = Errors{{File: r.file, Msg: fmt.Sprintf("the file is larger than %s", Size(largest))}}
		return nil
	}
	r.text, r.starts, r.offsets = string(text), []int{0}, map[string]int{}
	for i, b := range text {
		if b == '\n' {
			r.starts = append(r.starts, i+1)
		}
	}
	r.index(text)
	var tree map[string]any
	if err := toml.Unmarshal(text, &tree); err != nil {
		r.syntax(err)
		return nil
	}
	return tree
}

// index fills r.offsets, as far as the text is TOML.
func (r *report) index(text []byte) {
	var p unstable.Parser
	var table []string
	for p.Reset(text); p.NextExpression(); {
		e := p.Expression()
		if e.Kind != unstable.KeyValue {
			table = r.note(nil, e.Key())
			continue
		}
		key := r.note(table, e.Key())
		if e.Value().Kind != unstable.InlineTable {
			continue
		}
		for pairs := e.Value().Children(); pairs.Next(); {
			if pairs.Node().Kind == unstable.KeyValue {
				r.note(key, pairs.Node().Key())
			}
		}
	}
}

// note records where a dotted key, and each table on the way to it, is first named. Configuration keys have two parts:
// deeper ones are not kept.
func (r *report) note(prefix []string, parts unstable.Iterator) []string {
	key := slices.Clone(prefix)
	for parts.Next() && len(key) < 2 {
		key = append(key, string(parts.Node().Data))
		dotted := strings.Join(key, ".")
		if _, ok := r.offsets[dotted]; !ok {
			r.offsets[dotted] = int(parts.Node().Raw.Offset)
		}
	}
	return key
}

// syntax reports what the decoder found, without the line where that could hold a secret.
func (r *report) syntax(err error) {
	e := &Error{File: r.file, Line: 1, Column: 1, Msg: strings.TrimPrefix(err.Error(), "toml: ")}
	var at *toml.DecodeError
	if errors.As(err, &at) {
		line, column := at.Position()
		e.Line, e.Column, e.Text = r.locate(r.starts[line-1] + column - 1)
	}
	if strings.Contains(e.Msg, "leading zero") {
		e.Hint = `a mode is a string: mode = "0660"`
	}
	if !r.harmless(e.Line) {
		e.Text = ""
	}
	r.errors = Errors{e}
}

// harmless says that no section that may hold secrets begins before the end of a line. Where the text is not TOML that is a guess from
// what looks like a header, so one such header is enough to show nothing more.
func (r *report) harmless(line int) bool {
	seen := false
	for i := range line {
		_, _, text := r.locate(r.starts[i])
		header, isHeader := strings.CutPrefix(strings.TrimSpace(text), "[")
		if !isHeader {
			continue
		}
		if end := strings.IndexAny(header, "]. \t#"); end >= 0 {
			header = header[:end]
		}
		if !public(header) {
			return false
		}
		seen = true
	}
	return seen
}

func (r *report) locate(offset int) (line, column int, text string) {
	line = sort.SearchInts(r.starts, offset+1)
	start := r.starts[line-1]
	text, _, _ = strings.Cut(r.text[start:], "\n")
	return line, utf8.RuneCountInString(r.text[start:offset]) + 1, strings.TrimSuffix(text, "\r")
}

// public says whether the lines of a section may be shown to whoever reads the log.
func public(section string) bool {
	return section != "environment" && slices.Contains(sections(), section)
}
