package rival

import (
	"slices"
	"strings"
)

// A dialect is how an interpreter reads its command line up to the script.
// Options are single letters, of which several may share a word.
type dialect struct {
	inline string   // what follows is the program itself: there is no script
	module string   // what follows is a module
	script string   // what follows is the script
	value  string   // takes the next word where nothing is joined to it
	joined string   // the rest of the word is its value
	long   []string // long options that take the next word
	texts  []string // long options that are followed by the program itself
}

// dialects are the interpreters that are known, by their kinds: python(1),
// perlrun(1), ruby(1), php(1), node(1), sh(1p), bash(1), lua(1).
var dialects = map[string]dialect{
	"python":  {inline: "c", module: "m", value: "WXQ", long: []string{"--check-hash-based-pycs"}},
	"perl":    {inline: "eE", value: "I", joined: "CDFMVdimx"},
	"ruby":    {inline: "e", value: "CEIr", joined: "FKTWix", long: []string{"--encoding", "--external-encoding", "--internal-encoding"}},
	"php":     {inline: "rBRE", script: "fF", value: "cdzSt"},
	"php-cgi": {script: "f", value: "bcdzT"},
	"node":    {value: "rC", inline: "ep", long: []string{"--require", "--import", "--loader", "--conditions", "--env-file"}, texts: []string{"--eval", "--print"}},
	"sh":      {inline: "cs", value: "oO", long: []string{"--rcfile", "--init-file"}},
	"lua":     {inline: "e", value: "l"},
}

// kinds are interpreters that read the same scripts as another.
var kinds = map[string]string{
	"pypy": "python", "nodejs": "node", "bash": "sh", "dash": "sh", "ash": "sh", "ksh": "sh", "zsh": "sh", "luajit": "lua",
}

// manyInOne are programs that are whatever they are called as.
var manyInOne = map[string]bool{"busybox": true, "toybox": true}

// kindOf names the kind of the interpreter with that file name: python for
// python3.11-dbg, php-cgi for php-cgi8.2, "" for what is none.
func kindOf(name string) string {
	if i := strings.IndexAny(name, "0123456789"); i >= 0 {
		rest := strings.TrimLeft(name[i:], "0123456789.")
		if name = name[:i]; rest == "-cgi" { // php8.2-cgi
			name += rest
		}
	}
	name = strings.TrimSuffix(name, "-dbg")
	if kind, ok := kinds[name]; ok {
		return kind
	}
	if _, ok := dialects[name]; ok {
		return name
	}
	return ""
}

// words are a command line, taken apart.
type words struct {
	script string   // as it was given; "" for none
	module string   // of python -m
	inline bool     // the program is in the command line, or comes from standard input
	args   []string // what follows the script or the module; without either, all
}

// parse takes a command line apart; kind "" is a program that is its own script.
func parse(kind string, argv []string) words {
	d, known := dialects[kind]
	for i := 1; known && i < len(argv); i++ {
		if argv[i] == "--" {
			i++
		} else if isOption(kind, argv[i]) {
			what, rest := d.read(argv[i])
			switch what {
			case plain:
				continue
			case takesNext:
				i++
				continue
			case isInline:
				return words{inline: true, args: argv[1:]}
			}
			if rest == "" && i+1 < len(argv) {
				i++
				rest = argv[i]
			}
			if what == isModule {
				return words{module: rest, args: argv[i+1:]}
			}
			return words{script: rest, args: argv[i+1:]}
		}
		if i < len(argv) {
			return words{script: argv[i], args: argv[i+1:]}
		}
	}
	return words{args: argv[min(1, len(argv)):]}
}

// isOption says whether an interpreter takes the word for an option; sh(1) has
// some that begin with a plus sign.
func isOption(kind, word string) bool {
	return strings.HasPrefix(word, "-") || kind == "sh" && strings.HasPrefix(word, "+")
}

// What an option means for the words that follow it.
const (
	plain = iota
	takesNext
	isInline
	isModule
	isScript
)

// read says what an option is, and what is joined to it of its value.
func (d dialect) read(word string) (what int, rest string) {
	if word == "-" { // standard input
		return isInline, ""
	}
	if strings.HasPrefix(word, "--") {
		switch {
		case slices.Contains(d.texts, word):
			return isInline, ""
		case slices.Contains(d.long, word):
			return takesNext, ""
		}
		return plain, ""
	}
	for i := 1; i < len(word); i++ {
		is := func(letters string) bool { return strings.IndexByte(letters, word[i]) >= 0 }
		switch {
		case is(d.inline):
			return isInline, ""
		case is(d.module):
			return isModule, word[i+1:]
		case is(d.script):
			return isScript, word[i+1:]
		case is(d.value) && i+1 == len(word):
			return takesNext, ""
		case is(d.value), is(d.joined):
			return plain, ""
		}
	}
	return plain, ""
}

// title takes a command line apart that its process overwrote, as in
// "gunicorn: master [blog:app]": the name of the program, and words of it.
func title(argv []string) (name string, args []string) {
	if len(argv) != 1 {
		return "", nil
	}
	name, rest, ok := strings.Cut(argv[0], ": ")
	if !ok || name == "" || strings.ContainsAny(name, "/ \t") {
		return "", nil
	}
	for _, word := range strings.Fields(rest) {
		args = append(args, strings.Trim(word, "[]()"))
	}
	return name, args
}
