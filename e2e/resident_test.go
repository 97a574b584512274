package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

const (
	restLimit = 2800 // KiB of keepone at rest; how much of the program is mapped depends on the page cache
	anonLimit = 1700 // KiB of it anonymous
	unborn    = 500  // KiB: less has a process only in the middle of its execve(2)
	burst     = 2000 // status requests
	trimTwice = time.Minute + 30*time.Second
	promised  = 3 * time.Minute // from a burst back to rest
)

// TestResident: keepone at rest is smaller than lighttpd beside it, and again after a burst of questions (law 4).
func TestResident(t *testing.T) {
	if testing.Short() {
		t.Skip("coming to rest takes up to two minutes")
	}
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	for range 20 {
		if o := ask(newClient(), s.url, "/fast"); o.err != nil {
			t.Fatal(o.err)
		}
	}
	for pid, want := range map[int]string{s.supervisor.pid(): "1000000", s.await("up").Backend.PID: "50000"} {
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/timerslack_ns", pid)); err == nil && strings.TrimSpace(string(text)) != want {
			t.Errorf("timer slack of process %d: %s, want %s", pid, text, want) // who may not read it cannot tell
		}
	}
	s.rests("after the start", trimTwice)
	for range burst {
		s.question()
	}
	t.Logf("right after %d status requests: %d KiB", burst, memory(t, s.supervisor.pid(), "VmRSS"))
	s.rests("after the burst", promised)
}

// TestResidentSamples: half a day of sampling, in two minutes, leaves keepone as small as it was (law 4).
func TestResidentSamples(t *testing.T) {
	if testing.Short() {
		t.Skip("50,000 samples take two minutes")
	}
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["memory.sample"] = "1ms"
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	await(t, 3*time.Minute, "50,000 samples are taken", func() bool {
		time.Sleep(time.Second) // a question now and then is no burst
		st, ok := s.status()
		return ok && st.Memory.Samples >= 50_000
	})
	// While it samples a thousand times a second its code stays mapped: what a day leaves behind is what is there at rest.
	set["memory.sample"] = "1s"
	s.configure(set)
	s.do("reload")
	s.rests("after 50,000 samples", promised)
}

// question asks for the status without starting a program for it.
func (s *site) question() {
	s.t.Helper()
	c, err := net.Dial("unix", s.control())
	s.must(err)
	defer c.Close()
	_, err = fmt.Fprintln(c, `{"op":"status"}`)
	s.must(err, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	var got struct {
		Error string
		Body  json.RawMessage
	}
	s.must(json.NewDecoder(c).Decode(&got))
	if got.Error != "" || len(got.Body) == 0 {
		s.t.Fatalf("status: %q, %d bytes", got.Error, len(got.Body))
	}
}

// rests waits until keepone is as small as promised, and below the web server. It gives memory back every half minute.
func (s *site) rests(when string, within time.Duration) {
	s.t.Helper()
	own, web := 0, 0
	for deadline := time.Now().Add(within); ; time.Sleep(time.Second) {
		own, web = memory(s.t, s.supervisor.pid(), "VmRSS"), memory(s.t, s.web.pid(), "VmRSS")
		if own <= restLimit && own < web && own > unborn && memory(s.t, s.supervisor.pid(), "RssAnon") <= anonLimit {
			break
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: keepone %d KiB, lighttpd %d KiB, promised %d KiB, and %d KiB anonymous\n%s", when, own, web, restLimit, anonLimit,
				tail(fmt.Sprintf("/proc/%d/status", s.supervisor.pid())))
		}
	}
	s.t.Logf("%s: keepone %d KiB (%d KiB anonymous), lighttpd %d KiB", when, own,
		memory(s.t, s.supervisor.pid(), "RssAnon"), web)
}
