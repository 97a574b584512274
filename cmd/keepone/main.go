// Keepone supervises the one interpreter behind a web server: it holds the
// listening socket, runs the backend on it, and restarts that without losing a
// request.
//
// Read supervise/machine.go for what it does and run.go for how it is wired.
package main

import (
	"errors"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"keepone/command"
	"keepone/process"
	"keepone/resident"
	"keepone/single"
	"keepone/unavailable"
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
			os.Exit(command.Report(err))
		}
		os.Exit(ended(told(run(os.Args[2:]))))
	}
	os.Exit(command.Report(commands().Execute()))
}

// tryAgainIn is how long a keepone that cannot begin stays: systemd starts the
// next one within RestartSec=, 0.1 s, which is for one that was killed, and a
// mistake in a configuration would fill the journal.
const tryAgainIn = 5 * time.Second

// ended is the exit status of run.
func ended(err error) int {
	code := command.Report(err)
	cannotBegin := code == command.Misuse || errors.Is(err, syscall.EWOULDBLOCK) // another one runs
	if cannotBegin && os.Getenv("NOTIFY_SOCKET") != "" && !slices.Contains(os.Args, "--trial") {
		signal.Reset() // a stop ends the wait
		time.Sleep(tryAgainIn)
	}
	return code
}
