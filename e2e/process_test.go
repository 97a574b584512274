package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a program that a site started; its output goes to a file, so that no pipe ties it to its descendants.
type process struct {
	cmd    *exec.Cmd
	log    string
	exited chan struct{} // closed once it is reaped; cmd.ProcessState is set then
}

// start runs argv in a process group of its own, as uid where uid is not negative.
func start(log string, env []string, uid int, argv ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), log: log, exited: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if uid >= 0 {
		p.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = p.cmd.Wait(); close(p.exited) }() // the exit code is read from ProcessState
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
	if !p.alive() {
		return true
	}
	_ = p.cmd.Process.Signal(sig) // it may have exited meanwhile, which is what is wanted
	select {
	case <-p.exited:
		return true
	case <-time.After(limit):
		return false
	}
}

// tail returns the last 4 KiB of a file.
func tail(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4096):])
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
func stat(pid int) (state string, parent, group int, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	end := bytes.LastIndexByte(text, ')')
	if err != nil || end < 0 {
		return "", 0, 0, false
	}
	fields := strings.Fields(string(text[end+1:]))
	parent, _ = strconv.Atoi(fields[1])
	group, _ = strconv.Atoi(fields[2])
	return fields[0], parent, group, true
}

// running tells whether pid exists and is no zombie.
func running(pid int) bool {
	state, _, _, ok := stat(pid)
	return ok && state != "Z" && state != "X"
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

// zombies returns the dead children that parent has not reaped.
func zombies(parent int) []int {
	return pids(func(pid int) bool {
		state, of, _, ok := stat(pid)
		return ok && of == parent && state == "Z"
	})
}

// descriptors returns how many a process has open, without those of /proc: keepone keeps one for each process of the
// backend that it weighs.
func descriptors(t *testing.T, pid int) int {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && !strings.HasPrefix(to, "/proc/") {
			n++
		}
	}
	return n
}

// memory returns a field of /proc/PID/status such as VmRSS, in KiB.
func memory(t *testing.T, pid int, field string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kib
		}
	}
	t.Fatalf("no %s in /proc/%d/status", field, pid)
	return 0
}

// cgroups returns the cgroup directories with name in their own name.
func cgroups(name string) []string {
	var found []string
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.Contains(d.Name(), name) {
			found = append(found, path)
		}
		return nil // directories vanish meanwhile: parallel tests
	})
	return found
}
