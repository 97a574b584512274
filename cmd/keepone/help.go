package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
)

// A commandGroup is a heading of keepone help and what stands below it, in
// that order.
type commandGroup struct {
	title    string
	commands []string
}

var commandGroups = []commandGroup{
	{"Every day", []string{"status", "logs", "restart-backend", "reload", "exec"}},
	{"Setting up", []string{"init", "check", "install", "webserver", "doctor", "uninstall"}},
	{"Looking back", []string{"history", "graph", "report", "metrics"}},
	{"Now and then", []string{"run", "stop-backend", "start-backend", "upgrade", "version"}},
}

const helpHead = `Keepone runs the one interpreter behind your web server, holds the socket in
front of it, and replaces it without losing a request.

    sudo keepone init web2py          write a configuration, by asking
    sudo keepone install web2py       start it now, and at every boot
    sudo keepone restart-backend      whenever the site's code has changed
`

const helpTail = `
"keepone" alone is "keepone status". NAME may be left out where there is only one
backend; -n NAME, -c FILE and --run-dir DIRECTORY say which with every command.
More: keepone COMMAND --help, man keepone, man keepone.toml, man keepone-lighttpd
`

// explained gives every command its group, and the whole a help of one screen;
// cobra's own would be two. No template is set: that would link text/template.
func explained(root *cobra.Command) {
	usual := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		if c != root {
			usual(c, args)
			return
		}
		printHelp(root.OutOrStdout(), root)
	})
	for _, g := range commandGroups {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
	}
	for _, c := range root.Commands() {
		for _, g := range commandGroups {
			if slices.Contains(g.commands, c.Name()) {
				c.GroupID = g.title
			}
		}
	}
}

func printHelp(w io.Writer, root *cobra.Command) {
	fmt.Fprint(w, helpHead)
	for _, g := range commandGroups {
		fmt.Fprintf(w, "\n%s\n", g.title)
		for _, name := range g.commands {
			if c, _, err := root.Find([]string{name}); err == nil && c != root {
				fmt.Fprintf(w, "  %-16s %s\n", name, c.Short)
			}
		}
	}
	fmt.Fprint(w, helpTail)
}
