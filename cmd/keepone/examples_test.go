package main

import (
	"regexp"
	"strings"
	"testing"
)

// Every command of keepone that a document shows in a block of its own is one
// that keepone understands.
func TestDocumentedCommands(t *testing.T) {
	shown := regexp.MustCompile(`(?m)^    (?:sudo |[^#\n]*/usr/bin/)?keepone ([a-z-]+( .*)?)$`)
	for doc, least := range map[string]int{"README.md": 8, "OPERATING.md": 6} {
		found := shown.FindAllStringSubmatch(read(t, doc), -1)
		if len(found) < least {
			t.Errorf("%s: only %d commands", doc, len(found))
		}
		for _, m := range found {
			line, _, _ := strings.Cut(m[1], "#")
			line, _, _ = strings.Cut(line, " && ")
			line, _, _ = strings.Cut(line, "</dev/null")
			c, rest, err := commands().Find(strings.Fields(line))
			if err != nil || !c.Runnable() || c.Parent() == nil {
				t.Errorf("%s: keepone %s: %v", doc, line, err)
				continue
			}
			if c.DisableFlagParsing {
				_, _, _, err = runArguments(rest)
			} else if err = c.ParseFlags(rest); err == nil && c.Args != nil {
				err = c.Args(c, c.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: keepone %s: %v", doc, line, err)
			}
		}
	}
}
