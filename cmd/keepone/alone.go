package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

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
	running := true
	a, err := ask(ctx, e.target, control.Request{Op: "status"})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		running = false
	} else if err != nil {
		return unreachable(e.target, err)
	}
	if running {
		e.say("stopping the backend %s; requests wait while %s runs, %s", e.name, e.argv[0], limit)
		if a, err = ask(ctx, e.target, control.Request{Op: "lend", Now: e.now}); ctx.Err() != nil {
			return silent(exitDetached) // keepone sees us end, and starts the backend again
		} else if err != nil {
			return unreachable(e.target, err)
		}
		if a.Error != "" {
			return &failure{exitFailed, a.Hint, fmt.Errorf("cannot stop the backend %s: %s", e.name, a.Error)}
		}
	}
	exit, err := e.inItsPlace(spec)
	if err != nil {
		err = &failure{exit.Status, "", err}
	}
	if running {
		back, cause := ask(context.Background(), e.target, control.Request{Op: "take-back"})
		switch {
		case cause != nil:
			err = errors.Join(err, unreachable(e.target, cause))
		case back.Error != "":
			e.say("the job is over (%s), and the backend %s does not run: %s", exit.Text, e.name, back.Error)
			err = errors.Join(err, silent(exitFailed))
		default:
			e.say("the backend %s has its place again", e.name)
		}
	}
	if err != nil {
		return err
	}
	exit.Exit()
	return nil
}

// inItsPlace holds the backend's own lock meanwhile, as the job does: so the
// kernel keeps a backend from running beside it, whoever is killed.
func (e *execution) inItsPlace(spec process.Spec) (process.JobExit, error) {
	lock, err := single.Lock(e.backendLock())
	if err != nil {
		return process.JobExit{Status: exitFailed}, fmt.Errorf("cannot run %s in the place of the backend: %w", e.argv[0], err)
	}
	defer lock.Close()
	e.locks = append(e.locks, lock)
	return e.do(spec)
}
