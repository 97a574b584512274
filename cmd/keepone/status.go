package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"keepone/command"
	"keepone/config"
	"keepone/single"
)

// statusTimeout is for a keepone that does not answer at all, stopped perhaps.
const statusTimeout = 10 * time.Second

// Exit codes of status, from the Linux Standard Base, "Init Script Actions".
const (
	lsbRunning = 0
	lsbDead    = 1 // dead, but something of it is left
	lsbStopped = 3
	lsbUnknown = 4
)

const statusLong = `Status shows what the backend does, what it and keepone weigh, and who waits.
Exit status: 0 it runs, 1 it is wanted but dead, 3 it does not run, 4 unknown.
With --nagios it is one line with performance data, and the exit status is that
of a monitoring plugin: 0 all is well, 1 look at it by day, 2 nobody serves, 3
unknown.

--ready and --live are for what asks again and again, a container's health check
for instance. They print nothing, or on stderr why the exit status is 1. --ready:
the backend serves; also while it is drained for a planned restart, for nobody is
refused then. --live: keepone answers, whatever the backend does.`

func statusCommand(s *selection) *cobra.Command {
	var asJSON, watch, plugin, ready, live bool
	c := &cobra.Command{
		Use:     "status [NAME]",
		Short:   "Show the backend, its memory and its queue",
		Long:    statusLong,
		Example: "    keepone status\n    keepone status web2py --json\n    keepone status --watch",
		Args:    oneName,
		RunE: func(c *cobra.Command, args []string) error {
			if err := oneOf(c, "json", "watch", "nagios", "ready", "live"); err != nil {
				return err
			}
			if ready || live {
				return alive(s, args, ready)
			}
			if plugin {
				return pluginOf(s.resolve(args))
			}
			if names := known(); len(args) == 0 && s.name+s.file+s.runDir == "" && len(names) > 1 && !watch {
				return overview(s, names, asJSON)
			}
			t, err := s.resolve(args)
			switch {
			case err != nil:
				return err
			case watch:
				return watchStatus(t)
			}
			return statusOf(t, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: sizes in bytes, times in seconds")
	c.Flags().BoolVarP(&watch, "watch", "w", false, "redraw it in place every second, until Ctrl-C")
	c.Flags().BoolVar(&plugin, "nagios", false, "be a monitoring plugin")
	c.Flags().BoolVar(&ready, "ready", false, "only say by the exit status whether the backend serves: 0, else 1")
	c.Flags().BoolVar(&live, "live", false, "only say by the exit status whether keepone answers: 0, else 1")
	return c
}

func statusOf(t target, asJSON bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	own, pid := atRest(t)
	r, err := askStatus(ctx, t)
	if err != nil {
		return notRunning(t, err)
	}
	r.enrich(t, own, pid)
	if asJSON {
		err = printJSON(r)
	} else {
		_, err = fmt.Print(r.text())
	}
	if code := r.exitCode(); err == nil && code != lsbRunning {
		return command.Silent(code)
	}
	return err
}

// A reply is what became of one question.
type reply struct {
	report statusReport
	own    part // keepone before it was asked
	pid    int
	err    error
}

// askAll asks all of them at a time: one that stands still keeps nobody else.
func askAll(targets []target, patience time.Duration) []reply {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all := make([]reply, len(targets))
	var asking sync.WaitGroup
	for i, t := range targets {
		asking.Go(func() {
			a := &all[i]
			a.own, a.pid = atRest(t)
			a.report, a.err = askStatus(ctx, t)
		})
	}
	asking.Wait()
	return all
}

// overview is one line for each of several backends, or one JSON array.
func overview(s *selection, names []string, asJSON bool) error {
	targets := make([]target, len(names))
	for i, name := range names {
		var err error
		if targets[i], err = s.named(name); err != nil {
			return err
		}
	}
	worst, reports := lsbRunning, []statusReport{}
	for i, a := range askAll(targets, statusTimeout) {
		r, t := a.report, targets[i]
		code, line := r.exitCode(), r.line()
		if f := new(command.Failure); a.err != nil && errors.As(notRunning(t, a.err), &f) {
			code, line = f.Code, strings.TrimPrefix(f.Error(), t.name+": ")
			r = statusReport{Name: t.name, State: "unreachable", Why: line}
		}
		worst, reports = max(worst, code), append(reports, r)
		if !asJSON {
			fmt.Printf("%-16s %s\n", t.name, line)
		}
	}
	if asJSON {
		if err := printJSON(reports); err != nil {
			return err
		}
	}
	if worst != lsbRunning {
		return command.Silent(worst)
	}
	return nil
}

func printJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// exitCode is that of the Linux Standard Base for a keepone that answers.
func (r *statusReport) exitCode() int {
	switch r.State {
	case "up", "starting", "draining", "restarting":
		return lsbRunning
	case "backoff", "blocked":
		return lsbDead
	}
	return lsbStopped
}

// notRunning tells a keepone that was stopped from one that died, and both from
// one that may not be asked.
func notRunning(t target, err error) error {
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
		hint := ""
		if errors.Is(err, fs.ErrPermission) {
			hint = "use sudo, or name the user in control.read"
		}
		if f := new(command.Failure); errors.As(err, &f) {
			hint = f.Hint
		}
		return command.Fail(lsbUnknown, hint, err)
	}
	held := new(single.HeldError)
	if lock, err := lockIfThere(t.backendLock()); errors.As(err, &held) {
		return command.Fail(lsbDead, "it is adopted by: keepone run "+t.name, fmt.Errorf("%s: keepone does not run, but a backend of it still lives: %w", t.name, err))
	} else if errors.Is(err, fs.ErrPermission) {
		return command.Fail(lsbUnknown, "use sudo", fmt.Errorf("%s: keepone does not run, and whether a backend of it lives is not yours to see: %w", t.name, err))
	} else if lock != nil {
		lock.Close()
	}
	if left := leftBy(t); left.backend >= 0 {
		left.close()
		return command.Fail(lsbDead, "", fmt.Errorf("%s: keepone does not run, but its backend, process %d, still lives", t.name, left.state.Backend.PID))
	}
	if !exists(t.file) && t.file == filepath.Join(config.Dir(), t.name+".toml") {
		return command.Fail(lsbStopped, config.Absent(config.Dir(), t.name), fmt.Errorf("%s: keepone does not run, and there is no %s", t.name, t.file))
	}
	return command.Fail(lsbStopped, "now and at every boot: "+installed(t.name)+"; in the foreground: keepone run "+t.name, fmt.Errorf("%s: keepone does not run", t.name))
}

// installed is the command that has the init system start a site.
func installed(name string) string {
	if isRoot() {
		return "keepone install " + name
	}
	return "keepone install --user " + name
}

// lockIfThere makes no file where there is none.
func lockIfThere(path string) (*os.File, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	return single.Lock(path)
}
