// Keepone-setup is the part of keepone that comes and goes around the life of
// a site: init, install, uninstall, doctor, webserver. "keepone install" runs
// "keepone-setup install". It is a program of its own because what it links
// (kardianos/service with os/exec and regexp, whose initialisers run in every
// process) would cost the resident 0.1 MB and every spawn a millisecond.
package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"keepone/command"
)

func main() {
	os.Exit(command.Report(commands().Execute()))
}

// commands is the tree. Its name is keepone's, for that is what people type.
func commands() *cobra.Command {
	root := &cobra.Command{
		Use:               "keepone",
		Short:             "Set a site up behind keepone",
		Version:           command.Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return command.Misused(c.CommandPath()+" --help", "cannot understand the command line: %v", err)
	})
	root.Args = func(_ *cobra.Command, args []string) error {
		return command.Misused("keepone --help", "cannot %s: there is no such command here", strings.Join(args, " "))
	}
	root.AddCommand(initCommand(), webserverCommand(), doctorCommand(), installCommand(), uninstallCommand())
	completed(root)
	return root
}
