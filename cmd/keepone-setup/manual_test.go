package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../manual/" + name + ".md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	flagNames = regexp.MustCompile("`(--[a-z][a-z-]*|-[a-z])`")
	common    = []string{"help", "name", "config", "run-dir"} // of every command, in a section of their own
)

// keepone(8) has every flag of the commands here, and no other.
func TestManualIsComplete(t *testing.T) {
	for _, c := range visible() {
		_, body, there := strings.Cut(page(t, "keepone.8"), "\n### keepone "+c.Name()+" ")
		body, _, _ = strings.Cut(body, "\n##")
		if !there {
			t.Errorf("keepone(8) does not have %s", c.Name())
			continue
		}
		said, known := flagNames.FindAllString(body, -1), []string{}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			known = append(known, "`--"+f.Name+"`", "`-"+f.Shorthand+"`")
			if f.Hidden || slices.Contains(common, f.Name) {
				return
			}
			if !slices.Contains(said, "`--"+f.Name+"`") || f.Shorthand != "" && !slices.Contains(said, "`-"+f.Shorthand+"`") {
				t.Errorf("keepone(8) does not have --%s of %s", f.Name, c.Name())
			}
		})
		for _, flag := range said {
			if !slices.Contains(known, flag) {
				t.Errorf("keepone(8) has %s, which keepone %s does not know", flag, c.Name())
			}
		}
	}
}

// Every command here is one of keepone's, has words of help and an example, and
// all examples are understood: in the help and in the man pages.
func TestExamples(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range visible() {
		if seen[c.Name()] {
			t.Errorf("%s is there twice", c.Name())
		}
		seen[c.Name()] = true
		if c.Short == "" || strings.HasSuffix(c.Short, ".") || c.Long == "" || examples(t, c.Name()+" --help", c.Example) == 0 {
			t.Errorf("keepone %s --help explains nothing, or has no example", c.Name())
		}
	}
	for _, name := range []string{"keepone.8", "keepone.toml.5", "keepone-lighttpd.7"} {
		examples(t, name, page(t, name))
	}
}

var (
	shown = regexp.MustCompile(`(?m)^  +(?:sudo )?keepone ([a-z]+(?: .*)?)$`)
	ends  = regexp.MustCompile(` +(#|&& |\| |> )|   +`) // what a shell takes off, and a remark
	quote = regexp.MustCompile(`'[^']*'|"[^"]*"|[^ ]+`)
)

// examples parses the command lines that are for a command here, and says how
// many there are.
func examples(t *testing.T, where, text string) (n int) {
	t.Helper()
	for _, m := range shown.FindAllStringSubmatch(regexp.MustCompile(`\\\n +`).ReplaceAllString(text, ""), -1) {
		line := m[1]
		if cut := ends.FindStringIndex(line); cut != nil {
			line = line[:cut[0]]
		}
		words := quote.FindAllString(line, -1)
		c, _, err := commands().Find(words[:1])
		if err != nil || c.Parent() == nil {
			continue // keepone's own: tested there
		}
		n++
		if err = c.ParseFlags(words[1:]); err == nil && c.Args != nil {
			err = c.Args(c, c.Flags().Args())
		}
		if err != nil {
			t.Errorf("%s: keepone %s: %v", where, line, err)
		}
	}
	return n
}

func visible() (all []*cobra.Command) {
	for _, c := range commands().Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" {
			all = append(all, c)
		}
	}
	return all
}
