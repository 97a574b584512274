package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"keepone/command"
	"keepone/config"
	"keepone/control"
	"keepone/output"
)

// logs is one call of the command.
type logs struct {
	lines          int
	follow, reopen bool
}

func logsCommand(s *selection) *cobra.Command {
	var l logs
	c := &cobra.Command{
		Use:   "logs [NAME]",
		Short: "Show what the backend printed",
		Long: `Logs shows the last lines of the backend's output: from its file and the older
ones beside it, also while keepone does not run, or by journalctl where the
journal has it. With -f it goes on until Ctrl-C, through every rotation.

Keepone rotates its files by itself. Where logrotate is to do it instead, set
output.limit above what logrotate lets them grow to, and let it run in postrotate:

    keepone logs --reopen web2py`,
		Example: "    keepone logs web2py\n    keepone logs -f -n 200 web2py",
		Args:    oneName,
		RunE: func(_ *cobra.Command, args []string) error {
			t, err := s.resolve(args)
			if err != nil {
				return err
			}
			if l.reopen {
				return reopenLogs(t)
			}
			return l.show(t)
		},
	}
	f := c.Flags()
	// -n is for lines here, as everywhere: the flag that all commands share is
	// replaced by one without a short form.
	f.StringVar(&s.name, "name", "", "the backend's `name`; with a single configuration that one is meant")
	f.IntVarP(&l.lines, "lines", "n", 50, "how `many` lines of the past")
	f.BoolVarP(&l.follow, "follow", "f", false, "go on with what is printed from now on")
	f.BoolVar(&l.reopen, "reopen", false, "show nothing: let keepone open its file again, for logrotate (SIGUSR1 does the same)")
	return c
}

func reopenLogs(t target) error {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	a, err := ask(ctx, t, control.Request{Op: "reopen"})
	if err != nil {
		return unreachable(t, err)
	}
	if a.Error != "" {
		return command.Fail(command.Failed, a.Hint, fmt.Errorf("cannot reopen the output of %s: %s", t.name, a.Error))
	}
	return nil
}

func (l *logs) show(t target) error {
	if l.lines < 0 {
		return command.Misused("keepone logs --help", "cannot show %d lines", l.lines)
	}
	switch to := outputOf(t); to {
	case output.Journal:
		return l.journal(t)
	case output.Syslog:
		return command.Fail(command.Failed, "look in /var/log/syslog or /var/log/messages, or try: journalctl -t "+t.name,
			fmt.Errorf("cannot show the output of %s: it goes to syslog", t.name))
	case output.Stdout:
		return command.Fail(command.Failed, "ask who started keepone, for instance: docker logs CONTAINER",
			fmt.Errorf("cannot show the output of %s: it goes to keepone's own stdout", t.name))
	default:
		return l.file(t, to)
	}
}

// outputOf asks keepone, or where that does not run or not answer the
// configuration. How it was started is unknown then: what is there decides.
func outputOf(t target) string {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	if r, err := askStatus(ctx, t); err == nil {
		return r.Output
	}
	d := defaults(t)
	d.Root = d.Root || filepath.Dir(t.runDir) == config.SystemRunBase // the system's backend, and somebody else asks
	c, err := config.Load(t.file, d)
	if err != nil { // for instance run with a command: what is shown does not depend on the rest
		c = config.Command(t.name, nil, d)
	}
	to := c.OutputTo("")
	if c.Output.To == "auto" && !exists(to) && exists("/run/systemd/system") { // sd_booted(3)
		return output.Journal
	}
	return to
}

// journal becomes journalctl: who may read what is its business.
func (l *logs) journal(t target) error {
	argv := []string{"journalctl", "KEEPONE_NAME=" + t.name, "--output=cat", "--lines=" + strconv.Itoa(l.lines)}
	if l.follow {
		argv = append(argv, "--follow")
	}
	var err error = fs.ErrNotExist
	for _, dir := range filepath.SplitList(cmp.Or(os.Getenv("PATH"), "/usr/bin:/bin")) {
		if path := filepath.Join(dir, argv[0]); filepath.IsAbs(path) && exists(path) {
			err = syscall.Exec(path, argv, os.Environ())
		}
	}
	return command.Fail(command.Failed, "the output is in the journal of the machine that keepone runs on",
		fmt.Errorf("cannot run %s: %w", strings.Join(argv, " "), err))
}

func (l *logs) file(t target, path string) error {
	err := showLog(os.Stdout, path, l.lines, l.follow)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return command.Fail(command.Failed, "use sudo, or join the group "+logGroup, fmt.Errorf("cannot show the output of %s: %w", t.name, err))
	case errors.Is(err, fs.ErrNotExist):
		return command.Fail(command.Failed, "the file is made when keepone starts: keepone status "+t.name, fmt.Errorf("cannot show the output of %s: %w", t.name, err))
	case err != nil:
		return fmt.Errorf("cannot show the output of %s: %w", t.name, err)
	}
	return nil
}
