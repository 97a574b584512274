// Keepone supervises the one interpreter behind a web server: it holds the
// listening socket, runs the backend on it, and restarts that without losing a
// request.
//
// Read supervise/machine.go for what it does and run.go for how it is wired.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"keepone/process"
	"keepone/resident"
	"keepone/single"
	"keepone/unavailable"
)

// version is that of NEWS.md's first heading; a test compares them.
const version = "0.1.0"

// Exit codes. status has its own, those of the Linux Standard Base.
const (
	exitDone   = 0
	exitFailed = 1
	exitMisuse = 2
)

// main sorts out the two roles that stay in memory or must be quick before any
// command tree is built.
func main() {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "shim":
		os.Exit(process.Shim(single.Lock, searchForShim))
	case len(os.Args) > 1 && os.Args[1] == "job":
		os.Exit(process.JobShim())
	case len(os.Args) > 1 && os.Args[1] == "rivals":
		os.Exit(searchMain())
	case len(os.Args) > 1 && os.Args[1] == "unavailable":
		os.Exit(unavailable.Main())
	case len(os.Args) > 1 && os.Args[1] == "run":
		if err := resident.Reexec(os.Args); err != nil {
			os.Exit(report(err))
		}
		os.Exit(report(run(os.Args[2:])))
	}
	os.Exit(report(commands().Execute()))
}

// A failure is an error with an exit code and, where one helps, a hint.
type failure struct {
	code int
	hint string
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func misuse(hint, format string, args ...any) error {
	return &failure{exitMisuse, hint, fmt.Errorf(format, args...)}
}

// silent ends with a code when everything has been said.
func silent(code int) error { return &failure{code: code, err: errors.New("")} }

// report prints the error as every command does and returns the exit code.
func report(err error) int {
	if err == nil {
		return exitDone
	}
	code, hint := exitFailed, ""
	var f *failure
	if errors.As(err, &f) {
		code, hint = f.code, f.hint
	}
	if text := strings.TrimSpace(err.Error()); text != "" {
		fmt.Fprintln(os.Stderr, "keepone: "+text)
	}
	if hint != "" {
		fmt.Fprintln(os.Stderr, "hint: "+hint)
	}
	return code
}
