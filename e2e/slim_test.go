package e2e

import (
	"os"
	"testing"
	"time"
)

// TestResidentAfterRestarts: thirty restarts make the Go heap larger for good; keepone begins anew, in place, and is at rest
// below the web server again. Nobody notices: not the backend, not a visitor, not who reads the status; and a file that was
// changed meanwhile is not put in force by that.
func TestResidentAfterRestarts(t *testing.T) {
	if testing.Short() {
		t.Skip("coming to rest takes up to two minutes")
	}
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["drain.patience"], set["memory.hard"] = "100ms", "900MiB"
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	knocked := s.knock(t, 20*time.Millisecond)
	l := openLoop(t, s.url, class{5, "/fast"})
	for range 30 {
		s.do("restart-backend")
	}
	before := s.await("up")
	heaviest := memory(t, s.supervisor.pid(), "RssAnon")
	s.must(os.WriteFile(s.config, []byte("[backend]\nthis is = no configuration\n"), 0o644))
	s.rests("after 30 restarts", promised+time.Minute)
	after := s.await("up")
	if after.Backend.PID != before.Backend.PID || after.Restarts.Total != 30 || after.Supervisor.PID != before.Supervisor.PID ||
		after.Memory.Hard != 900<<20 || after.Supervisor.Upgrades != 0 || after.Memory.Samples < before.Memory.Samples {
		t.Errorf("before: %+v\nafter: %+v", before, after)
	}
	t.Logf("%d KiB anonymous after the restarts", heaviest)
	l.lossless(t)
	if n, err := knocked(); err != nil {
		t.Errorf("after %d connections: %v", n, err)
	}
	set["memory.hard"] = "800MiB"
	s.configure(set)
	s.do("reload") // the file is still the one to read
	if st := s.await("up"); st.Memory.Hard != 800<<20 {
		t.Errorf("after a reload: limit %d", st.Memory.Hard)
	}
}
