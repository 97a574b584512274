package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"keepone/process"
	"keepone/rival"
	"keepone/supervise"
)

// masters returns what ends all of them that would be started again.
func (s *site) masters(rivals []rival.Rival) (func() error, error) {
	var ends []func() error
	for _, r := range rivals {
		end, err := s.master(r)
		if err != nil {
			return nil, err
		}
		if end != nil {
			ends = append(ends, end)
		}
	}
	if len(ends) == 0 {
		return nil, nil
	}
	return func() (err error) {
		for _, end := range ends {
			err = errors.Join(err, end())
		}
		return err
	}, nil
}

// master returns what ends a rival that would be started again; nil where the
// stop signal does. lighttpd starts nobody again at a socket that is served.
func (s *site) master(r rival.Rival) (func() error, error) {
	if !r.Returns || startedBy(r, "lighttpd") && r.AtPath {
		return nil, nil
	}
	argv := strings.Fields(r.End)
	program := argv
	if len(argv) > 4 && argv[0] == "runuser" && argv[1] == "-u" && argv[3] == "--" { // somebody else's
		program = argv[4:]
	}
	if len(program) > 0 && slices.Contains(tenders, program[0]) && !strings.ContainsAny(r.End, "';") {
		return func() error { return s.runMaster(argv) }, nil
	}
	return nil, fmt.Errorf("cannot end %s", r)
}

// runMaster runs such a program as keepone's own user.
func (s *site) runMaster(argv []string) (err error) {
	var done <-chan error
	timeout := s.config().Stop.Timeout
	err = s.loop.Reconfigure(context.Background(), func(*supervise.Config) { // the spawner is the loop's
		spec := process.Spec{Argv: argv, Env: os.Environ(), Dir: "/", UID: -1, GID: -1, Umask: 0o022}
		done = s.spawner.Check(context.Background(), spec, timeout)
	})
	if err == nil {
		err = <-done
	}
	if err != nil {
		s.log("warning: %v", err)
	}
	return err
}
