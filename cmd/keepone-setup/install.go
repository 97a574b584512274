package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keepone/command"
	"keepone/config"
	"keepone/install"
	"keepone/recipe"
)

// An installation is what the flags of install and uninstall say.
type installation struct {
	init                   string
	user, noStart, dryRun  bool
	harden, purge, removes bool
}

func installCommand() *cobra.Command {
	i := &installation{}
	c := &cobra.Command{
		Use:   "install [NAME]",
		Short: "Have the init system start the backend at boot, and start it",
		Long: `Install checks the configuration, has the init system start keepone for it at
boot (systemd, SysV, OpenRC or runit, whichever runs here), and starts it now.
It says what it does, and may be repeated: what is done is not done again. What
a package brought is enabled where it is; otherwise the init system's file is
written. "keepone uninstall" undoes it.

An ordinary user says --user: then it is a unit of the user's own systemd, or
where that does not run, a line in the crontab.`,
		Example: `    sudo keepone install web2py
    sudo keepone install --dry-run web2py     # what would be done
    sudo keepone install --harden web2py      # systemd: in a sandbox
    sudo keepone install --init sysv --no-start web2py
    keepone install --user web2py`,
		RunE: func(_ *cobra.Command, args []string) error { return told(i.run(args)) },
	}
	i.flags(c)
	c.Flags().BoolVar(&i.noStart, "no-start", false, "enable it for the next boot, and do not start it now")
	c.Flags().BoolVar(&i.harden, "harden", false, "systemd: a drop-in that forbids what this configuration does not need")
	return c
}

func uninstallCommand() *cobra.Command {
	i := &installation{removes: true}
	c := &cobra.Command{
		Use:   "uninstall [NAME]",
		Short: "Undo install, and keep the configuration",
		Long: `Uninstall stops the backend, which finishes what it has, and removes what install
made: units and scripts, links, the socket, the run directory. Other names stay.
The configuration, the history and the logs stay, too, unless --purge is said.`,
		Example: `    sudo keepone uninstall web2py
    sudo keepone uninstall --purge web2py     # configuration, history and logs, too
    keepone uninstall --user web2py`,
		RunE: func(_ *cobra.Command, args []string) error { return told(i.run(args)) },
	}
	i.flags(c)
	c.Flags().BoolVar(&i.purge, "purge", false, "remove the configuration, the history and the logs, too")
	return c
}

func (i *installation) flags(c *cobra.Command) {
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return command.Misused(c.CommandPath()+" --help", "cannot %s: one name is enough, not %q", c.Name(), args)
		}
		return nil
	}
	f := c.Flags()
	f.StringVar(&i.init, "init", "", "the init `system`: "+strings.Join(install.Inits, ", ")+" (default: the one that runs)")
	f.BoolVar(&i.user, "user", false, "for yourself, without root: your own systemd, or else your crontab")
	f.BoolVar(&i.dryRun, "dry-run", false, "say what would be done, and do nothing")
	c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		names, _ := config.Names(config.Dir())
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	complete := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return install.Inits, cobra.ShellCompDirectiveNoFileComp
	}
	if err := c.RegisterFlagCompletionFunc("init", complete); err != nil {
		panic(err) // the flag is there
	}
}

func (i *installation) verb() string {
	if i.removes {
		return "uninstall"
	}
	return "install"
}

func (i *installation) run(args []string) error {
	name, err := i.name(args)
	if err != nil {
		return err
	}
	if err := i.allowed(name); err != nil {
		return err
	}
	if err := install.ExtendPath(); err != nil {
		return err
	}
	t, err := i.task(name)
	if err != nil {
		return err
	}
	if i.removes {
		if err = t.Uninstall(i.purge); err == nil {
			err = stillWired(name)
		}
	} else {
		err = t.Install()
	}
	if err == nil && i.user && install.UserSystemd() && !i.removes && !i.dryRun {
		lingerHint()
	}
	return err
}

// stillWired names what has a web server hand over to the site, which is not
// install's: visitors get 503 from then on.
func stillWired(name string) error {
	if files := (recipe.System{}).Written(name); len(files) > 0 {
		_, err := fmt.Printf("left alone, and still handing over to %s: %s; remove that, and reload the web server\n", name, strings.Join(files, ", "))
		return err
	}
	return nil
}

// told gives an error of the package's its exit code and its hint.
func told(err error) error {
	var known *install.Error
	if errors.As(err, &known) {
		return command.Fail(command.Failed, known.Hint, err)
	}
	return err
}

// name is the one that is said, or the only one there is.
func (i *installation) name(args []string) (string, error) {
	if len(args) == 1 {
		if !config.ValidName(args[0]) {
			return "", command.Misused(config.NameHint, "cannot use %q as the name of a backend", args[0])
		}
		return args[0], nil
	}
	names, err := config.Names(config.Dir())
	switch {
	case err != nil:
		return "", err
	case len(names) == 0:
		return "", command.Misused("keepone init writes one; an ordinary user's are in ~/.config/keepone",
			"cannot %s: there is no configuration in %s", i.verb(), config.Dir())
	case len(names) > 1:
		return "", command.Misused("say which: keepone "+i.verb()+" "+names[0], "cannot %s: there are %s", i.verb(), strings.Join(names, ", "))
	}
	return names[0], nil
}

// allowed refuses what cannot succeed before anything is looked at.
func (i *installation) allowed(name string) error {
	root := os.Geteuid() == 0
	switch {
	case i.init != "" && !slices.Contains(install.Inits, i.init):
		return command.Misused("known are "+strings.Join(install.Inits, ", "), "cannot %s %s for an init system named %q", i.verb(), name, i.init)
	case i.user && root:
		return command.Misused("say it as the user whose site it is, or without --user",
			"cannot %s %s for a user as root", i.verb(), name)
	case i.user && (i.init != "" || i.harden):
		return command.Misused("keepone "+i.verb()+" --help", "cannot %s %s: --init and --harden are for the system, not for --user", i.verb(), name)
	case !i.user && !root:
		return command.Fail(command.Failed, fmt.Sprintf("sudo keepone %s %s; or for yourself alone: keepone %[1]s --user %[2]s", i.verb(), name),
			fmt.Errorf("cannot %s %s: only root may change what the system starts", i.verb(), name))
	}
	return nil
}
