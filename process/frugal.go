package process

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// smaller are the variables of a frugal backend. glibc's malloc reads them,
// mallopt(3) says what they mean, and nothing else takes notice. Where
// GLIBC_TUNABLES sets the same thing, glibc prefers that. What each brings and
// costs is measured by bench/frugal.
var smaller = []string{"MALLOC_ARENA_MAX=2", "MALLOC_TRIM_THRESHOLD_=131072"}

// withSmaller is the environment with those of the variables that it has not
// got: what the operator sets wins, also when it is empty, which is how glibc
// is given its own value back.
func withSmaller(env []string) []string {
	for _, v := range smaller {
		name, _, _ := strings.Cut(v, "=")
		if !slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") }) {
			env = append(env, v)
		}
	}
	return env
}

// refuseHugePages switches transparent huge pages off for this process and all
// that it becomes or forks: PR_SET_THP_DISABLE of prctl(2), Linux 3.15. Without
// flags, for the one that Linux 6.18 has spares what asked by madvise(2), which
// malloc and interpreters do by a setting of their own at most. /proc/PID/status
// shows it as THP_enabled.
func refuseHugePages() error {
	if err := unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot switch transparent huge pages off for the backend: %w", err)
	}
	return nil
}
