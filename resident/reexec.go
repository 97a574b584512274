// Package resident keeps this process small. Its recipe, and what each part
// brings, is in DESIGN.md under "Go".
package resident

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// recipe is read by the Go runtime before main, so it must stand in the
// environment: one thread for Go code and its caches, early garbage
// collection, no huge pages.
var recipe = []string{"GOMAXPROCS=1", "GOGC=50", "GODEBUG=disablethp=1"}

// Recipe is the settings alone, for a process that needs nothing else.
func Recipe() []string { return slices.Clone(recipe) }

// Env is the environment of a process of ours that is to be small: the recipe
// and nothing else that the Go runtime reads.
func Env() []string {
	return append(slices.DeleteFunc(os.Environ(), runtimeSetting), recipe...)
}

func runtimeSetting(v string) bool {
	name, _, _ := strings.Cut(v, "=")
	return slices.Contains([]string{"GOMAXPROCS", "GOGC", "GODEBUG", "GOMEMLIMIT", "GOTRACEBACK"}, name)
}

// slack is how much later than asked for the kernel may wake us, in
// nanoseconds: PR_SET_TIMERSLACK(2const). While Go code runs, the runtime looks
// after it every 20 µs and more from a thread of its own, and each look is two
// context switches; with this, a sample has hardly any. All threads of the next
// program have it. So would its children: the shim takes it from the backend.
const slack = 1_000_000

// Reexec replaces the process by itself with the recipe in its environment,
// unless that is there already. It returns only then, or with an error. The
// arguments are those of main, the program's name first.
func Reexec(args []string) error {
	missing := func(v string) bool {
		name, value, _ := strings.Cut(v, "=")
		return os.Getenv(name) != value
	}
	if !slices.ContainsFunc(recipe, missing) {
		return nil
	}
	runtime.LockOSThread()                             // execve(2) keeps its caller's
	unix.Prctl(unix.PR_SET_TIMERSLACK, slack, 0, 0, 0) // else more switches, and nothing worse
	return fmt.Errorf("cannot run keepone again: %w", syscall.Exec("/proc/self/exe", args, Env()))
}
