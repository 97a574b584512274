package main

import (
	"regexp"
	"strings"
	"testing"
)

// Every command of keepone that a document shows in a block of its own is one
// that keepone understands.
func TestDocumentedCommands(t *testing.T) {
	for doc, least := range map[string]int{
		"README.md": 8, "OPERATING.md": 6,
		"manual/keepone.8.md": 10, "manual/keepone.toml.5.md": 3, "manual/keepone-lighttpd.7.md": 10,
	} {
		found := shownCommands(read(t, doc))
		if len(found) < least {
			t.Errorf("%s: only %d commands", doc, len(found))
		}
		for _, line := range found {
			understood(t, doc, line)
		}
	}
}

var (
	shown = regexp.MustCompile(`(?m)^    (?:[^#\n]*(?:/usr/bin/| ))?keepone ([a-z-]+(?: .*)?)$`)
	ends  = regexp.MustCompile(` +(#|&& |</dev/null|> |\| )|  +[a-z]`) // what a shell takes off, and a remark
)

// shownCommands are the command lines in the indented blocks of a text, each
// without the word keepone; a second one after && counts, too.
func shownCommands(text string) (all []string) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	for _, m := range shown.FindAllStringSubmatch(text, -1) {
		for part := range strings.SplitSeq("keepone "+m[1], "&& ") {
			if line, found := strings.CutPrefix(part, "keepone "); found {
				if cut := ends.FindStringIndex(line); cut != nil {
					line = line[:cut[0]]
				}
				all = append(all, line)
			}
		}
	}
	return all
}

// understood parses a command line as the program would. Flags of the commands
// of keepone-setup are for a test of that.
func understood(t *testing.T, where, line string) {
	t.Helper()
	c, rest, err := commands().Find(strings.Fields(line))
	switch {
	case err != nil || !c.Runnable() || c.Parent() == nil:
		t.Errorf("%s: keepone %s: %v", where, line, err)
		return
	case isSetup(c.Name()):
		return
	case c.DisableFlagParsing:
		_, _, _, err = runArguments(rest)
	default:
		if err = c.ParseFlags(rest); err == nil && c.Args != nil {
			err = c.Args(c, c.Flags().Args())
		}
	}
	if err != nil {
		t.Errorf("%s: keepone %s: %v", where, line, err)
	}
}
