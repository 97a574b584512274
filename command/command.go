// Package command is what the programs keepone and keepone-setup have in
// common: their version, their exit codes and how they speak of a failure.
package command

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Version is that of NEWS.md's first heading; a test compares them. It is a
// variable for the linker (-X) alone, which builds packages of other versions.
var Version = "0.1.0"

// Exit codes. status has its own, those of the Linux Standard Base.
const (
	Done   = 0
	Failed = 1 // asked for, and failed
	Misuse = 2 // a command line or a configuration that makes no sense
)

// A Failure is an error with an exit code and, where one helps, a hint: what
// to do next.
type Failure struct {
	Code int
	Hint string
	Err  error
}

// Error is the text of Err.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns Err.
func (f *Failure) Unwrap() error { return f.Err }

// Fail returns a Failure; hint may be "".
func Fail(code int, hint string, err error) error { return &Failure{code, hint, err} }

// Misused returns a Failure with the code Misuse. The text reads "cannot ...".
func Misused(hint, format string, args ...any) error {
	return &Failure{Misuse, hint, fmt.Errorf(format, args...)}
}

// Silent ends with a code when everything has been said.
func Silent(code int) error { return &Failure{Code: code, Err: errors.New("")} }

// Report prints the error on stderr as every command does and returns the exit
// code.
func Report(err error) int {
	if err == nil {
		return Done
	}
	code, hint := Failed, ""
	var f *Failure
	if errors.As(err, &f) {
		code, hint = f.Code, f.Hint
	}
	if text := strings.TrimSpace(err.Error()); text != "" {
		fmt.Fprintln(os.Stderr, "keepone: "+text)
	}
	if hint != "" {
		fmt.Fprintln(os.Stderr, "hint: "+hint)
	}
	return code
}
