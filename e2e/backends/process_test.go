package backends

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a program that a site started. Its output goes to a file, so that no pipe ties it to its descendants.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed once it is reaped
}

// start runs argv in a process group of its own.
func start(log string, argv ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = p.cmd.Wait(); close(p.exited) }() // how it ended is read from ProcessState
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// end sends sig and waits for the exit; false when it did not come within limit.
func (p *process) end(sig syscall.Signal, limit time.Duration) bool {
	_ = p.cmd.Process.Signal(sig) // it may have exited, which is what is wanted
	select {
	case <-p.exited:
		return true
	case <-time.After(limit):
		return false
	}
}

// await polls until ok, and fails the test with what it waited for when that takes too long.
func await(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain until %s", limit, what)
		}
	}
}

// stat returns state, parent and group of a process from /proc/PID/stat (proc_pid_stat(5)).
func stat(pid int) (state string, parent, group int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	end := bytes.LastIndexByte(text, ')')
	if err != nil || end < 0 {
		return "X", 0, 0
	}
	fields := strings.Fields(string(text[end+1:]))
	parent, _ = strconv.Atoi(fields[1])
	group, _ = strconv.Atoi(fields[2])
	return fields[0], parent, group
}

// running tells whether pid exists and is no zombie.
func running(pid int) bool {
	state, _, _ := stat(pid)
	return state != "Z" && state != "X"
}

// descendants returns pid and everything below it.
func descendants(pid int) []int {
	below := []int{pid}
	for _, child := range pids(func(child int) bool { _, parent, _ := stat(child); return parent == pid }) {
		below = append(below, descendants(child)...)
	}
	return below
}

// pids returns every process for which match holds.
func pids(match func(pid int) bool) []int {
	entries, _ := os.ReadDir("/proc") // no entries, no processes
	var found []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && match(pid) {
			found = append(found, pid)
		}
	}
	return found
}

// commands names processes by pid, state, parent and command line.
func commands(pids []int) string {
	text := ""
	for _, pid := range pids {
		argv, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // it may be gone
		state, parent, _ := stat(pid)
		text += fmt.Sprintf("[%d %s, child of %d: %s]", pid, state, parent, strings.ReplaceAll(string(argv), "\x00", " "))
	}
	return text
}

// backends returns the processes of the site's backend, by keepone's mark in their environment, or by where they are:
// the site's own directory, in which no other program of the test is. What changed both is found by its parents only.
func (s *site) backends() []int {
	return pids(func(pid int) bool {
		if !running(pid) || pid == os.Getpid() {
			return false
		}
		if at, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err == nil && at == filepath.Join(s.dir, "site") {
			return true
		}
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // it may be gone
		return slices.ContainsFunc(strings.Split(string(environ), "\x00"), func(v string) bool {
			return strings.HasPrefix(v, "KEEPONE=") && strings.Contains(v, ":"+s.name+":")
		})
	})
}

// sweep kills by pid what is left of the site.
func (s *site) sweep() {
	mine := func() []int {
		return append(s.backends(), pids(func(pid int) bool {
			_, _, group := stat(pid)
			return slices.Contains(s.groups, group) && running(pid)
		})...)
	}
	await(s.t, 10*time.Second, "nothing of the site runs", func() bool {
		left := mine()
		for _, pid := range left {
			p, err := os.FindProcess(pid) // a pidfd: what it is now is looked at again
			if err == nil && slices.Contains(mine(), pid) {
				_ = p.Signal(syscall.SIGKILL)
			}
		}
		return len(left) == 0
	})
}
