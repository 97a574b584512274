package main

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A process is news for as long as it lives, a thread and the dead are not, nor
// is another process of the same program; whoever came before the latest search
// is not, either, and a search is due once a minute.
func TestNewcomers(t *testing.T) {
	var n newcomers
	n.open()
	n.reset()
	quiet := func(what string) {
		t.Helper()
		for range 200 { // others make processes on this host, too
			if !n.any(time.Now()) {
				return
			}
			n.reset()
		}
		t.Errorf("%s: news", what)
	}
	news := func(program string) (pid int, end func()) {
		t.Helper()
		cmd := exec.Command(program, "600")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd.Process.Pid, func() {
			cmd.Process.Kill()
			cmd.Wait()
		}
	}
	quiet("nothing")
	pid, end := news("sleep")
	if !n.any(time.Now()) || !n.matters(uint64(pid)) {
		t.Error("a process is no news")
	}
	end()
	if n.matters(uint64(pid)) {
		t.Error("a dead process is news")
	}
	quiet("a dead process")
	threads(t, func(tid int) {
		if n.matters(uint64(tid)) {
			t.Error("a thread is news")
		}
	})
	n.self = []byte("/proc/none")
	if !n.matters(uint64(os.Getpid())) {
		t.Error("a process of another program is no news")
	}
	n.open()
	if n.matters(uint64(os.Getpid())) {
		t.Error("a process of our own program is news")
	}
	quiet("before the minute is over")
	if !n.any(time.Now().Add(searchEvery)) {
		t.Error("no search is due after a minute")
	}
	n.fd = -1
	if n.latest.Store(0); n.any(time.Now()) {
		t.Error("without /proc/loadavg there is only the search that is due")
	}
}

// threads calls f with a thread of this process that is not its first.
func threads(t *testing.T, f func(tid int)) {
	done := make(chan int)
	hold := make(chan struct{})
	for range 2 {
		go func() {
			runtime.LockOSThread()
			done <- unix.Gettid()
			<-hold
		}()
	}
	for range 2 {
		if tid := <-done; tid != os.Getpid() {
			f(tid)
		}
	}
	close(hold)
}

// It is asked at every sample.
func TestNewcomersAllocateNothing(t *testing.T) {
	var n newcomers
	n.open()
	n.reset()
	now := time.Now()
	self := uint64(os.Getpid())
	if count := testing.AllocsPerRun(100, func() { n.any(now); n.matters(self) }); count != 0 {
		t.Errorf("%v allocations", count)
	}
}
