package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"keepone/command"
	"keepone/resident"
)

// commands is the tree behind every command that comes and goes.
func commands() *cobra.Command {
	root := &cobra.Command{
		Use:               "keepone [command] [NAME]",
		Short:             "Keep one interpreter behind one socket, and restart it without losing a request",
		Version:           command.Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	var s selection
	s.flags(root.PersistentFlags())
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return command.Misused(c.CommandPath()+" --help", "cannot understand the command line: %v", err)
	})
	status := statusCommand(&s)
	root.Args, root.RunE = unknownCommand, func(c *cobra.Command, _ []string) error { return status.RunE(c, nil) }
	root.AddCommand(runCommand(), status, checkCommand(&s), versionCommand())
	root.AddCommand(operations(&s)...)
	root.AddCommand(reloadCommand(&s), upgradeCommand(&s), logsCommand(&s), execCommand(&s))
	root.AddCommand(setupCommands()...)
	root.AddCommand(historyCommand(&s), graphCommand(&s), reportCommand(&s), metricsCommand(&s))
	explained(root)
	completed(root)
	return root
}

// unknownCommand refuses what cobra would hand to the root command.
func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "keepone --help"
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean: keepone " + strings.Join(near, ", keepone ")
	}
	return command.Misused(hint, "cannot %s: there is no such command", args[0])
}

// oneOf refuses flags that exclude each other.
func oneOf(c *cobra.Command, names ...string) error {
	var set []string
	for _, name := range names {
		if c.Flags().Changed(name) {
			set = append(set, "--"+name)
		}
	}
	if len(set) > 1 {
		return command.Misused(c.CommandPath()+" --help", "cannot %s: %s exclude each other", c.Name(), strings.Join(set, " and "))
	}
	return nil
}

// oneName is at most one argument, the backend's name.
func oneName(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return command.Misused(c.CommandPath()+" --help", "cannot %s: one name is enough, not %q", c.Name(), args)
	}
	return nil
}

// runCommand stands in the tree for its help; the resident parses its own
// arguments.
func runCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "run [NAME] | run -- COMMAND...",
		Short: "Hold the socket and run the backend, in the foreground",
		Long: `Run keeps the listening socket and the backend until SIGTERM or Ctrl-C. Then the
socket goes away, requests in flight are finished, and the backend is ended; a
second signal does not wait for them.`,
		Example: `    keepone run web2py
    keepone run -c ./web2py.toml
    keepone run --user www-data --socket /run/keepone/php/php.sock -- php-cgi`,
		DisableFlagParsing: !completing(),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := resident.Reexec(append([]string{"keepone", "run"}, args...)); err != nil {
				return err
			}
			return run(args)
		},
	}
	new(runFlags).flags(c.Flags())
	c.Flags().Lookup("trial").Hidden = true
	return c
}

// runHelp prints the help of keepone run.
func runHelp() error {
	root := commands()
	root.SetArgs([]string{"help", "run"})
	return root.Execute()
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of the program that is installed",
		Long:    "Version prints the version of this program. That of a keepone that runs, which may\nbe older, is in keepone status; keepone upgrade replaces it.",
		Example: "    keepone version",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return command.Misused("keepone version", "cannot print a version of %q", args)
			}
			return nil
		},
		Run: func(*cobra.Command, []string) { fmt.Println("keepone", command.Version) },
	}
}

func checkCommand(s *selection) *cobra.Command {
	var secrets bool
	c := &cobra.Command{
		Use:     "check [NAME]",
		Short:   "Test the configuration and print what is in force",
		Long:    "Check reads the configuration as a running keepone would, without touching\nanything, and prints every key with the value in force. Exit status 2 when there is an error.",
		Example: "    keepone check web2py\n    keepone check -c ./web2py.toml",
		Args:    oneName,
		RunE: func(_ *cobra.Command, args []string) error {
			t, err := s.resolve(args)
			if err != nil {
				return err
			}
			cfg, err := loadConfig(t)
			if err != nil {
				return err
			}
			for _, w := range append(cfg.Warnings(), cfg.Patience(), oddLimits(cfg, room(t)), oddHistory(cfg), sharedSocket(cfg, t)) {
				if w != "" {
					fmt.Fprintln(os.Stderr, "warning: "+w)
				}
			}
			if err := cfg.Print(os.Stdout, secrets); err != nil {
				return err
			}
			explainMemory(cfg, room(t))
			return explainOutput(cfg)
		},
	}
	c.Flags().BoolVar(&secrets, "show-secrets", false, "print the values of environment variables")
	return c
}
