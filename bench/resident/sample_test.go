package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// What runs the backend's program, and its children, are nobody's cost; everybody else below the daemon is its own.
func TestTree(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err == nil {
		sleep, err = filepath.EvalSymlinks(sleep)
	}
	if err != nil {
		t.Skip(err)
	}
	// Both children read what never comes, until the end of the test closes it or kills them.
	pid := shell(t, `exec 3<&0; (echo; read x <&3) & sleep 1000 & echo; wait`, 2)
	var backend int
	for range 1_000_000 { // between fork and exec it is still a shell
		i := slices.IndexFunc(children(pid), func(child int) bool {
			exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", child))
			return exe == sleep
		})
		if i >= 0 {
			backend = children(pid)[i]
			break
		}
	}
	if backend == 0 {
		t.Fatal("the shell starts no sleep")
	}
	defer syscall.Kill(backend, syscall.SIGKILL)
	all, own := tree(pid, "/none"), tree(pid, sleep)
	if len(all) != 3 || len(own) != 2 || own[0] != pid || slices.Contains(own, backend) {
		t.Errorf("the shell is %d: all %v, without sleep %v", pid, all, own)
	}
}

// shell runs a script until the test ends, and returns its pid when it has said so many lines.
func shell(t *testing.T, script string, lines int) int {
	cmd := exec.Command("/bin/sh", "-c", script)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // ended by that
	})
	said := bufio.NewScanner(out)
	for range lines {
		if !said.Scan() {
			t.Fatalf("the shell says nothing: %v", said.Err())
		}
	}
	return cmd.Process.Pid
}

func TestField(t *testing.T) {
	text := []byte("nonvoluntary_ctxt_switches:\t7\nvoluntary_ctxt_switches:\t12\nRss:     3 kB\n")
	for name, want := range map[string]uint64{"voluntary_ctxt_switches": 12, "nonvoluntary_ctxt_switches": 7, "Rss": 3, "Pss": 0} {
		if n := field(text, name); n != want {
			t.Errorf("%s: %d, want %d", name, n, want)
		}
	}
}

// A thread counts from the first look on; one that is new counts whole, and one that ended no more.
func TestWatch(t *testing.T) {
	var w watch
	w.begin([]int{os.Getpid()})
	if w.counts != (counts{}) || len(w.last) == 0 {
		t.Fatalf("%+v, %d threads", w.counts, len(w.last))
	}
	for range 100 { // each wait for the shell is a switch at least
		w.look([]int{os.Getpid()})
		shell(t, "echo; read x", 1)
		if w.voluntary > 0 && w.cpu > 0 {
			break
		}
	}
	if w.voluntary == 0 || w.cpu == 0 {
		t.Errorf("%+v", w.counts)
	}
	before := w.counts
	w.look(nil)
	if w.counts != before || len(w.last) != 0 {
		t.Errorf("%+v became %+v", before, w.counts)
	}
}
