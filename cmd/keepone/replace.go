package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"keepone/command"
	"keepone/control"
)

// errHungUp is what asking ends with when nobody answered.
var errHungUp = io.EOF

// replaceTimeout is for the new program to answer; it takes some milliseconds.
const replaceTimeout = 10 * time.Second

func upgradeCommand(s *selection) *cobra.Command {
	return &cobra.Command{
		Use:   "upgrade [NAME]",
		Short: "Put a newly installed keepone in the running one's place",
		Long: `Upgrade lets the program at keepone's path test the configuration and the state,
then the running keepone replaces itself by it: same process, same backend, and
whoever waits goes on waiting. If the test fails, the running one stays and says
why. A restart under way is finished first.`,
		Example: "    keepone upgrade web2py",
		Args:    oneName,
		RunE: func(_ *cobra.Command, args []string) error {
			t, err := s.resolve(args)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return upgradeOf(ctx, t)
		},
	}
}

func upgradeOf(ctx context.Context, t target) error {
	before, err := askStatus(ctx, t)
	if err != nil {
		return unreachable(t, err)
	}
	a, err := control.Ask(ctx, t.control(), control.Request{Op: "upgrade"})
	switch {
	case err == nil:
		return command.Fail(command.Failed, a.Hint, fmt.Errorf("cannot upgrade %s: %s", t.name, a.Error))
	case !isReplaced(err):
		return unreachable(t, err)
	}
	ctx, cancel := context.WithTimeout(ctx, replaceTimeout)
	defer cancel()
	for {
		r, err := askStatus(ctx, t)
		if err == nil && r.Supervisor.Upgrades > before.Supervisor.Upgrades {
			fmt.Printf("%s: version %s took the place of %s in process %d\n", t.name, r.Version, before.Version, r.Supervisor.PID)
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return command.Fail(command.Failed, "keepone status "+t.name, fmt.Errorf("cannot say that %s was upgraded: the new program does not answer", t.name))
		}
	}
}
