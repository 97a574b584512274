package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// joins is a shell that moves itself to the cgroup $0 and becomes the command.
const joins = `echo $$ >"$0/cgroup.procs" && exec "$@"`

// TestOutOfMemory: the kernel kills the backend, for the group that it is in with keepone has no more memory; keepone lives on,
// says what happened, and there is another backend.
func TestOutOfMemory(t *testing.T) {
	group := memoryGroup(t, "own", 120*mebibyte) // not parallel: the kernel counts such kills for the whole host
	set := settings{"alert.command": []string{"/bin/sh", "-c", `echo "$KEEPONE_REASON $KEEPONE_EVENT" >>var/alerts`}, "memory.sample": "100ms"}
	s := newSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: set})
	before := s.startIn(group)
	if before.Memory.Room != 120*mebibyte {
		t.Errorf("room is %d bytes, and the group's limit 120 MiB", before.Memory.Room)
	}
	s.startWeb()
	s.get("/runaway?mb=50&cap=200")
	after := s.awaitFigures("there is another backend", time.Minute, func(f figures) bool {
		return f.State == "up" && f.Backend.PID != before.Backend.PID
	})
	if !strings.Contains(after.LastExit, "out of memory, with ") || !strings.Contains(after.LastExit, "MiB") || after.Restarts.Last.Reason != "oom" {
		t.Errorf("%+v", after)
	}
	if e := s.past().of("oom"); len(e) != 1 || !strings.Contains(e[0].Text, "out of memory") || e[0].Bytes < 50*mebibyte {
		t.Errorf("events: %+v", s.past().Events)
	}
	await(t, 10*time.Second, "somebody is told", func() bool {
		text, _ := os.ReadFile(s.path("alerts"))
		return strings.HasPrefix(string(text), "memory ") && strings.Contains(string(text), "out of memory")
	})
	if !strings.Contains(s.do("status").out, "out of memory") {
		t.Errorf("status:\n%s", s.do("status").out)
	}
	if o := s.get("/fast"); o.backend != after.Backend.PID {
		t.Errorf("answered by %d, the backend is %d", o.backend, after.Backend.PID)
	}
}

// startIn starts keepone in a cgroup and waits until its backend is up.
func (s *site) startIn(group string) figures {
	s.t.Helper()
	p, err := start(filepath.Join(s.dir, "keepone.log"), s.environ(), -1,
		"/bin/sh", "-c", joins, group, keepone, "run", "-c", s.config, "--run-dir", s.run)
	s.must(err)
	s.supervisor, s.groups = p, append(s.groups, p.pid())
	return s.awaitFigures("it is up", 30*time.Second, func(f figures) bool { return f.State == "up" })
}

// memoryGroup makes a group of cgroup v1 with a limit in bytes, and removes it when the test is over.
func memoryGroup(t *testing.T, name string, limit int64) string {
	t.Helper()
	mounts, _ := os.ReadFile("/proc/self/mounts") // not there, then no such hierarchy either
	base := ""
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 3 && f[2] == "cgroup" && strings.Contains(","+f[3]+",", ",memory,") {
			base = f[1]
		}
	}
	if base == "" {
		t.Skip("there is no memory hierarchy of cgroup v1 here; e2e/vm tries v2")
	}
	group := filepath.Join(base, fmt.Sprintf("keepone-e2e-%s-%d", name, os.Getpid()))
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Skipf("no memory cgroup can be made here: %v", err)
	}
	t.Cleanup(func() {
		await(t, 10*time.Second, "the cgroup is removed", func() bool { return os.Remove(group) == nil })
	})
	if err := os.WriteFile(filepath.Join(group, "memory.limit_in_bytes"), fmt.Append(nil, limit), 0o644); err != nil {
		t.Skipf("no limit can be put on a memory cgroup here: %v", err)
	}
	return group
}

// TestOthersOutOfMemory: that the kernel killed somebody else a while ago is no reason of ours: a backend that an operator kills
// is not told to have run out of memory.
func TestOthersOutOfMemory(t *testing.T) {
	group := memoryGroup(t, "other", 120*mebibyte) // not parallel, either
	s := newSite(t, plan{command: leaker(t, "threaded.py"), settings: settings{"memory.sample": "50ms"}})
	s.startIn(group)
	p, err := start(filepath.Join(s.dir, "other.log"), s.environ(), -1,
		"/bin/sh", "-c", joins, group, need(t, "python3"), "-c", `print(len(b"x" * (200 << 20)))`)
	s.must(err)
	await(t, 30*time.Second, "the other one is killed", func() bool { return !p.alive() })
	if ended := p.cmd.ProcessState.String(); !strings.Contains(ended, "killed") {
		t.Fatalf("the other one ended: %s\n%s", ended, tail(p.log))
	}
	s.kill(s.samples(10).Backend.PID)
	f := s.awaitFigures("there is another backend", 30*time.Second, func(f figures) bool { return f.State == "up" && f.Restarts.Total == 1 })
	if f.Restarts.Last.Reason != "crashed" || strings.Contains(f.LastExit, "memory") {
		t.Errorf("%+v, and it ended: %s", f.Restarts, f.LastExit)
	}
}
