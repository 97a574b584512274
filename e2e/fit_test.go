package e2e

import (
	"os"
	"testing"
)

// TestReloadWhileStarting: a restart of a backend that is not ready leaves the socket to the next one, whose configuration it
// then follows.
func TestReloadWhileStarting(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newSite(t, plan{})
	sign := s.path("go")
	s.plan.command = append([]string{"/bin/sh", "-c", "until [ -e " + sign + " ]; do sleep 0.05; done; exec \"$@\"", "sh"}, command...)
	s.configure(set)
	s.startKeepone()
	s.await("starting")
	set["socket.mode"], set["socket.backlog"] = "0666", 77
	s.configure(set)
	s.do("reload")
	s.do("restart-backend", "--no-wait")
	// Where it cannot be made to stand still in time it is drained, and the next one has a socket of its own.
	s.awaitThat("the restart is under way", func(st state) bool { return st.State == "draining" || st.State == "starting" && len(st.Pending) == 0 })
	s.must(os.WriteFile(sign, nil, 0o644))
	st := s.awaitThat("the next backend is up", func(st state) bool { return st.State == "up" && len(st.Pending) == 0 })
	info, err := os.Stat(s.socket)
	s.must(err)
	if info.Mode().Perm() != 0o666 || st.Socket.Mode != "0666" || st.Queue.Backlog != 77 {
		t.Errorf("the socket has mode %o, and status says %+v, %+v", info.Mode().Perm(), st.Socket, st.Queue)
	}
}
