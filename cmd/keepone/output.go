package main

import (
	"context"
	"fmt"
	"os/user"
	"strconv"

	"keepone/config"
	"keepone/control"
	"keepone/output"
)

// logGroup may read log files on Debian and its like.
const logGroup = "adm"

// outputTarget is where the output goes as the package output wants it.
func (v *view) outputTarget() output.Target {
	t := output.Target{
		To: v.outputTo, Name: v.Name, Group: -1,
		Limit: int64(v.Output.Limit), Keep: v.Output.Keep,
	}
	if g, err := user.LookupGroup(logGroup); err == nil && isRoot() {
		t.Group, _ = strconv.Atoi(g.Gid) // a number on Linux
	}
	return t
}

// redirect puts a changed section [output] in force.
func (s *site) redirect(ctx context.Context, old *view) error {
	if t := s.config().outputTarget(); t != old.outputTarget() {
		return s.output.Redirect(ctx, t)
	}
	return nil
}

func (s *site) reopen(ctx context.Context) control.Answer {
	if err := s.output.Reopen(ctx); err != nil {
		return control.Answer{Error: err.Error(), Hint: "it is tried again whenever the backend prints something"}
	}
	return control.Answer{}
}

// reopenByHand is what SIGUSR1 asks for: there is nobody but the log to tell.
func (s *site) reopenByHand(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastWait) // a disk that hangs must not make us deaf
	defer cancel()
	if err := s.output.Reopen(ctx); err != nil {
		s.log("warning: %v", err)
	}
}

// explainOutput says what check cannot know: how keepone will be started.
func explainOutput(c *config.Config) error {
	if c.Output.To != "auto" {
		return nil
	}
	_, err := fmt.Printf("\n# output.to: the journal when systemd starts keepone, stdout when it is process 1, else\n# %s\n", c.OutputTo(""))
	return err
}
