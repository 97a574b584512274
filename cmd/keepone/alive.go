package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"keepone/command"
)

// aliveTimeout is for a keepone that does not answer: whoever asks has a limit,
// too, and would end us without a reason.
const aliveTimeout = 5 * time.Second

// alive answers a probe that a container's host runs. Nothing but 0 and 1 means
// anything to Docker.
func alive(s *selection, args []string, ready bool) error {
	t, err := s.resolve(args)
	if err != nil {
		return failed(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), aliveTimeout)
	defer cancel()
	r, err := askStatus(ctx, t)
	switch {
	case err != nil:
		return failed(notRunning(t, err))
	case ready && !r.serves():
		return command.Fail(command.Failed, "", fmt.Errorf("%s does not serve: %s", t.name, r.line()))
	}
	return nil
}

// serves says whether whoever comes now is served, by this backend or, when it
// is drained, in a moment by the next. A host that takes a site out of its
// balancer for a planned restart would refuse those whom keepone does not.
func (r *statusReport) serves() bool { return r.State == "up" || r.State == "draining" }

// failed is the error with exit status 1.
func failed(err error) error {
	f := new(command.Failure)
	if errors.As(err, &f) {
		return command.Fail(command.Failed, f.Hint, err)
	}
	return err
}
