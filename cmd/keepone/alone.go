package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"keepone/command"
	"keepone/control"
	"keepone/process"
	"keepone/single"
)

// alone runs the job in the place of the backend. From the question to the
// answer this process is what keepone waits for: when it ends, however, the
// place is the backend's again.
func (e *execution) alone(ctx context.Context, spec process.Spec) error {
	limit := "for as long as it takes"
	if e.maxTime > 0 {
		limit = "for " + e.maxTime.String() + " at most"
	}
	a, err := ask(ctx, e.target, control.Request{Op: "status"})
	running := !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED)
	if running && err == nil {
		e.say("stopping the backend %s; requests wait while %s runs, %s", e.name, e.argv[0], limit)
		a, err = ask(ctx, e.target, control.Request{Op: "lend", Now: e.now})
	}
	switch {
	case ctx.Err() != nil:
		return command.Silent(exitDetached) // keepone sees us end, and starts the backend again
	case running && err != nil:
		return unreachable(e.target, err)
	case running && a.Error != "":
		return command.Fail(command.Failed, a.Hint, fmt.Errorf("cannot stop the backend %s: %s", e.name, a.Error))
	}
	exit, err := e.inItsPlace(spec)
	if err != nil {
		err = command.Fail(exit.Status, "", err)
	}
	if running {
		err = errors.Join(err, e.giveBack(exit))
	}
	if err != nil {
		return err
	}
	exit.Exit()
	return nil
}

// giveBack gives the backend its place, and returns when it is up, or is not
// wanted.
func (e *execution) giveBack(exit process.JobExit) error {
	a, err := ask(context.Background(), e.target, control.Request{Op: "take-back"})
	var r statusReport
	switch {
	case err != nil:
		return unreachable(e.target, err)
	case a.Error != "":
		e.say("the job is over (%s), and the backend %s does not run: %s", exit.Text, e.name, a.Error)
		return command.Silent(command.Failed)
	case json.Unmarshal(a.Body, &r) == nil && r.State == "down":
		e.say("the backend %s stays stopped, as before", e.name)
	default:
		e.say("the backend %s has its place again", e.name)
	}
	return nil
}

// inItsPlace holds the backend's own lock meanwhile, as the job does: so the
// kernel keeps a backend from running beside it, whoever is killed.
func (e *execution) inItsPlace(spec process.Spec) (process.JobExit, error) {
	lock, err := single.Lock(e.backendLock())
	if err != nil {
		return process.JobExit{Status: command.Failed}, fmt.Errorf("cannot run %s in the place of the backend: %w", e.argv[0], err)
	}
	defer lock.Close()
	e.locks = append(e.locks, lock)
	return e.do(spec)
}
