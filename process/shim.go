package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Shim is the life of keepone between fork and exec: it prepares everything
// that does not need the backend gone, waits for the word, proves by the lock
// that no other backend lives, and becomes the backend. lock takes the file
// without waiting; its error, where it wraps syscall.EWOULDBLOCK, names the
// holder. search is given the Spec's Search, as the last thing that is done with
// keepone's own privileges; its error blocks the backend. Shim returns an exit
// status only when it could not become the backend; the reason is in the report.
func Shim(lock func(path string) (*os.File, error), search func(json.RawMessage) error) int {
	runtime.LockOSThread() // nice(2) is per thread, and the thread that calls execve stays
	closeRest()
	status, err := shim(lock, search)
	report := os.NewFile(reportFD, "report")
	fmt.Fprint(report, err)
	return status
}

// timerSlack is Linux' own for whoever sets none, in nanoseconds:
// PR_SET_TIMERSLACK(2const). keepone's may be longer, and is none of the
// backend's business.
const timerSlack = 50_000

func shim(lock func(string) (*os.File, error), search func(json.RawMessage) error) (int, error) {
	spec, err := readSpec(specFD)
	if err != nil {
		return exitCannot, fmt.Errorf("cannot read the spec: %w", err)
	}
	if err := spec.arrange(); err != nil {
		return exitCannot, err
	}
	awaitWord()
	if err := spec.lock(lock); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return exitBlocked, err
		}
		return exitCannot, err
	}
	if len(spec.Search) > 0 {
		if err := search(spec.Search); err != nil {
			return exitBlocked, err
		}
	}
	if err := spec.become(); err != nil {
		return exitCannot, err
	}
	return spec.run()
}

// run is the last step: the directory, as the user that may or may not enter
// it, and the program. It returns only when that cannot be run.
func (s *Spec) run() (int, error) {
	if err := unix.Chdir(s.Dir); err != nil {
		return exitCannot, fmt.Errorf("cannot change to directory %s: %w", s.Dir, err)
	}
	program, err := lookPath(s.Argv[0], s.Env)
	if err != nil {
		return exitNotFound, err
	}
	env := s.Env
	runtime.LockOSThread() // the slack is a thread's own, and execve(2) keeps that of its caller
	unix.Prctl(unix.PR_SET_TIMERSLACK, timerSlack, 0, 0, 0)
	if s.Frugal {
		env = withSmaller(env)
		if err := refuseHugePages(); err != nil { // an old kernel, a seccomp filter: larger, yet the same
			fmt.Fprintln(os.Stderr, "keepone:", err)
		}
	}
	if s.Handoff == ListenFDs { // only now is the pid the backend's own
		env = append(env, "LISTEN_FDS=1", "LISTEN_FDNAMES=backend", "LISTEN_PID="+strconv.Itoa(os.Getpid()))
	}
	err = unix.Exec(program, s.Argv, env)
	if errors.Is(err, fs.ErrNotExist) {
		return exitNotFound, fmt.Errorf("cannot run %s: %w", program, err)
	}
	return exitCannot, fmt.Errorf("cannot run %s: %w", program, err)
}

// arrange does what needs no word: priority and descriptors.
func (s *Spec) arrange() error {
	if s.Nice != nil {
		if err := unix.Setpriority(unix.PRIO_PROCESS, 0, *s.Nice); err != nil {
			return fmt.Errorf("cannot set nice to %d: %w", *s.Nice, err)
		}
	}
	if err := s.setOOMScore(); err != nil {
		return err
	}
	if s.Handoff == ListenFDs {
		return nil
	}
	if s.Handoff == FD0 {
		if err := unix.Dup3(socketFD, 0, 0); err != nil {
			return fmt.Errorf("cannot put the socket at descriptor 0: %w", err)
		}
	}
	return unix.Close(socketFD)
}

// oomScore is /proc/PID/oom_score_adj of proc(5).
const oomScore = "/proc/self/oom_score_adj"

// setOOMScore never passes keepone's own protection on: an init system may have
// given it that, and the kernel is to find the one who has the memory.
func (s *Spec) setOOMScore() error {
	inherited, _ := os.ReadFile(oomScore) // where it cannot be read there is none
	text := s.oomScore(string(inherited))
	if text == "" {
		return nil
	}
	if err := os.WriteFile(oomScore, []byte(text), 0); err != nil {
		return fmt.Errorf("cannot set oom_score_adj to %s: %w", text, err)
	}
	return nil
}

// oomScore is what to set, "" for nothing.
func (s *Spec) oomScore(inherited string) string {
	switch {
	case s.OOMScoreAdj != nil:
		return strconv.Itoa(*s.OOMScoreAdj)
	case strings.HasPrefix(inherited, "-"):
		return "0"
	}
	return ""
}

// closeRest keeps from the backend what is not its own: the pipes, and whatever
// keepone itself was started with.
func closeRest() {
	const first = wordFD
	if unix.CloseRange(first, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	entries, _ := os.ReadDir("/proc/self/fd") // Linux before 5.11
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= first {
			unix.CloseOnExec(fd)
		}
	}
}

// awaitWord returns when keepone says go. When keepone dies instead, the shim
// goes on holding the socket, for the next keepone to find: without it, who
// waits there would be reset.
func awaitWord() {
	word := make([]byte, 1)
	for {
		n, err := unix.Read(wordFD, word)
		switch {
		case n == 1:
			return
		case err != unix.EINTR:
			for {
				unix.Pause()
			}
		}
	}
}

func (s *Spec) lock(take func(string) (*os.File, error)) error {
	if s.Lock == "" {
		return nil
	}
	f, err := take(s.Lock)
	if err != nil {
		return err
	}
	// A high number, and no FD_CLOEXEC: the backend and its forks inherit it.
	if err := unix.Dup3(int(f.Fd()), lockFD, 0); err != nil {
		return fmt.Errorf("cannot keep the lock: %w", err)
	}
	return nil
}

// become takes the limits on and drops privileges for good. The limits come
// late: they bind the shim, too.
func (s *Spec) become() error {
	for name, n := range s.Limits {
		// syscall's own Setrlimit: Go would put the former limit back at exec
		if err := syscall.Setrlimit(resources[name], &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			return fmt.Errorf("cannot set the limit %s to %d: %w", name, n, err)
		}
	}
	unix.Umask(s.Umask)
	if s.UID < 0 {
		return nil
	}
	if err := syscall.Setgroups(s.Groups); err != nil {
		return fmt.Errorf("cannot set the groups to %v: %w", s.Groups, err)
	}
	if err := syscall.Setgid(s.GID); err != nil {
		return fmt.Errorf("cannot become group %d: %w", s.GID, err)
	}
	if err := syscall.Setuid(s.UID); err != nil {
		return fmt.Errorf("cannot become user %d: %w", s.UID, err)
	}
	return nil
}

// lookPath finds the program as execvp(3) would with the backend's own PATH. A
// name with a slash is taken as it is, relative to the directory.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	path := ""
	if i := slices.IndexFunc(env, func(v string) bool { return strings.HasPrefix(v, "PATH=") }); i >= 0 {
		path = env[i][len("PATH="):]
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("cannot find %s in PATH %s: %w", name, path, fs.ErrNotExist)
}
