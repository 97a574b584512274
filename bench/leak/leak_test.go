package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Every leaker keeps what it is told to, and no more than it may.
func TestLeakers(t *testing.T) {
	dir := t.TempDir()
	all, err := languages(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		t.Run(l.name, func(t *testing.T) {
			s := leaker(t, l)
			grown := func(kb, limit int) uint64 {
				pid, err := ask(s.socket, l.script, load{cap: limit}.query(0))
				if err != nil || pid != s.cmd.Process.Pid {
					t.Fatalf("%d answers for %d: %v", pid, s.cmd.Process.Pid, err)
				}
				before := resident(map[int]bool{pid: true})
				for range 4 {
					if _, err := ask(s.socket, l.script, load{cap: limit}.query(kb)); err != nil {
						t.Fatal(err)
					}
				}
				return resident(map[int]bool{pid: true}) - before
			}
			if n := grown(8<<10, 1<<10); n < 32<<20 || n > 40<<20 {
				t.Errorf("told to keep 32 MiB it keeps %d bytes", n)
			}
			if n := int64(grown(8<<10, 1)); n > 4<<20 {
				t.Errorf("over its cap it keeps %d bytes", n)
			}
		})
	}
}

// A backend that is replaced counts as a restart, and who asked it in vain as failed.
func TestTake(t *testing.T) {
	seen, alive := map[int]bool{1: true}, map[int]bool{}
	var r result
	for _, got := range []reply{{pid: 1}, {pid: 2}, {pid: 1}, {err: os.ErrClosed}, {pid: 2}, {pid: 3}} {
		r.take(got, seen, alive)
	}
	if r.restarts != 2 || r.failed != 1 || r.firstError == nil || !alive[2] || !alive[3] {
		t.Errorf("%+v, alive %v", r, alive)
	}
}

// leaker runs without a supervisor until the test ends.
func leaker(t *testing.T, l language) *site {
	dir := filepath.Join(t.TempDir(), "d")
	s := &site{language: l, dir: dir, socket: filepath.Join(dir, "s"), files: map[string]string{},
		daemon: []string{filepath.Join(dir, "serve"), filepath.Join(dir, "s")}}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Signal(syscall.SIGKILL)
		_ = s.cmd.Wait() // ended by that
	})
	if err := s.answered(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}
