package main

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keepone/config"
	"keepone/history"
	"keepone/socket"
	"keepone/supervise"
)

// measuring is a site with a gauge and a listening socket, and no loop.
func measuring(t *testing.T) *site {
	return measuringAt(t, filepath.Join(t.TempDir(), "s"))
}

func measuringAt(t *testing.T, path string) *site {
	dir := t.TempDir()
	l, err := socket.Bind(socket.Options{Path: path, UID: -1, GID: -1, Mode: 0o600, Backlog: 1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &site{target: target{name: "x", runDir: dir}, lines: make(chan string, 8), walls: make(chan struct{}, 1)}
	s.inForce.Store(newView(config.Command("x", []string{"x"}, config.Defaults{RunDir: dir, History: dir + ".history"}), 1<<30))
	if s.diag, err = socket.OpenDiag(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.diag.Close() })
	s.serving = []listener{s.adapt(l)}
	s.openGauge(&legacy{backend: -1})
	for range len(s.lines) {
		t.Error(<-s.lines)
	}
	return s
}

// A sample costs no garbage, whatever is looked at: it is taken every second,
// for ever.
func TestWeighAllocatesNothing(t *testing.T) { weighAllocatesNothing(t, measuring(t)) }

// The same with a listener at a TCP address that has accepted one client of two.
func TestWeighTCPAllocatesNothing(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().String()
	free.Close()
	s := measuringAt(t, "tcp://"+at)
	if err := s.serving[0].Publish(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		client, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
	}
	accepted, _, err := unix.Accept(s.serving[0].Fd())
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(accepted)
	if q, err := s.serving[0].Queue(); err != nil || q.Pending != 1 || q.Active != 1 {
		t.Fatalf("%+v, %v", q, err)
	}
	weighAllocatesNothing(t, s)
	if n := testing.AllocsPerRun(100, func() { s.serving[0].Queue() }); n != 0 {
		t.Errorf("%v allocations for each look at the queue", n)
	}
}

func weighAllocatesNothing(t *testing.T, s *site) {
	t.Helper()
	self, lived := []int{os.Getpid()}, time.Duration(0)
	weigh := func() { s.weigh(self, lived); lived += time.Second }
	weigh()
	if n := testing.AllocsPerRun(200, weigh); n != 0 {
		t.Errorf("%v allocations for each sample", n)
	}
	s.gauge.began = time.Time{} // everything that is due once a minute
	if n := testing.AllocsPerRun(20, func() { s.gauge.others = time.Time{}; weigh() }); n != 0 {
		t.Errorf("%v allocations for each minute", n)
	}
}

// What a removed run directory held is there again, and no descriptor more.
func TestGaugeAgain(t *testing.T) {
	s := measuring(t)
	s.weigh([]int{os.Getpid()}, 0)
	s.event(supervise.Begun, "before")
	before, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := os.Remove(s.history()); err != nil {
			t.Fatal(err)
		}
		if err := s.gauge.again(s.target); err != nil {
			t.Fatal(err)
		}
	}
	r, err := history.Read(s.history())
	if err != nil || len(r.Events) != 1 || r.Events[0].Text != "before" {
		t.Errorf("%+v, %v", r, err)
	}
	if after, err := os.ReadDir("/proc/self/fd"); err != nil || len(after) != len(before) {
		t.Errorf("%d descriptors before, %d after", len(before), len(after))
	}
}
