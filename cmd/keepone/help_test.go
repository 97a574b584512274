package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// visible are the commands that help shows.
func visible(root *cobra.Command) (all []*cobra.Command) {
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" {
			all = append(all, c)
		}
	}
	return all
}

// keepone help is one screen, and leaves nothing out.
func TestHelpIsOneScreen(t *testing.T) {
	root, out := commands(), new(bytes.Buffer)
	root.SetOut(out)
	root.SetArgs([]string{"--help"})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) > 40 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > 81 {
			t.Errorf("%q is wider than a terminal", line)
		}
	}
	named := 0
	for _, g := range commandGroups {
		named += len(g.commands)
	}
	if all := visible(root); named != len(all) {
		t.Errorf("the groups have %d commands, the tree has %d", named, len(all))
	}
	for _, c := range visible(root) {
		if c.GroupID == "" || !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "  "+c.Name()+" ") && strings.HasSuffix(l, c.Short) }) {
			t.Errorf("help has no line of %s", c.Name())
		}
	}
}

// The help of every command has an example, and all are understood. Those of
// keepone-setup are its own to test.
func TestHelpHasExamples(t *testing.T) {
	for _, c := range visible(commands()) {
		if isSetup(c.Name()) {
			continue
		}
		found := shownCommands(c.Example)
		if len(found) == 0 || c.Long == "" {
			t.Errorf("keepone %s --help has no example, or explains nothing", c.Name())
		}
		for _, line := range found {
			understood(t, c.Name()+" --help", line)
		}
		for _, line := range shownCommands(c.Long) {
			understood(t, c.Name()+" --help", line)
		}
	}
	for _, line := range shownCommands(helpHead) {
		understood(t, "keepone help", line)
	}
}

func isSetup(name string) bool {
	return slices.ContainsFunc(setupCommands(), func(c *cobra.Command) bool { return c.Name() == name })
}
