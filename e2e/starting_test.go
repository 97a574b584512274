package e2e

import (
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"
)

// TestRestartWhileStarting: a restart that is asked for at any moment of a backend's start loses nothing (law 3), also in
// the moment in which it accepts for the first time.
func TestRestartWhileStarting(t *testing.T) {
	if testing.Short() {
		t.Skip("the moment is short: it takes many restarts to meet it")
	}
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["drain.patience"] = "50ms"
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	l := openLoop(t, s.url, class{100, "/fast"})
	for range 60 {
		old := s.await("up").Backend.PID
		calls := []*exec.Cmd{s.background("restart-backend")}
		s.awaitThat("the next one starts", func(st state) bool { return st.State == "starting" || st.Backend.PID != old })
		for range 3 {
			time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond) // any moment
			calls = append(calls, s.background("restart-backend"))
		}
		for _, call := range calls {
			_ = call.Wait() // what they say is not the point
		}
	}
	l.lossless(t)
}
