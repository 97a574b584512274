package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReload: policy takes effect at once, what a backend is made with waits for restart-backend, a bad file changes
// nothing, and no request notices any of it.
func TestReload(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["environment.COLOUR"], set["control.read"], set["drain.patience"] = "red", []string{}, "100ms"
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	l := openLoop(t, s.url, everyday...)
	first := s.await("up")
	change := func(more settings) {
		maps.Copy(set, more)
		s.configure(set)
	}

	change(settings{"memory.hard": "900MiB", "environment.COLOUR": "green", "socket.path": s.socket + "2", "control.read": []string{"nobody"}, "socket.mode": "0666"})
	a := s.do("reload")
	for _, want := range []string{"in force now: memory.hard, control.read", "restart-backend: socket.mode, environment.COLOUR", "started again: socket.path"} {
		if !strings.Contains(a.out, want) {
			t.Errorf("reload does not say %q:\n%s", want, a.out)
		}
	}
	st := s.await("up")
	if st.Memory.Hard != 900<<20 || !slices.Equal(st.Pending, []string{"socket.mode", "environment.COLOUR"}) || st.Socket.Mode != "0660" || st.Backend.PID != first.Backend.PID {
		t.Errorf("after a reload: %+v", st)
	}
	if mode := s.mode("control"); mode != 0o666 {
		t.Errorf("the control socket has mode %o: the user who may read now could not connect", mode)
	}

	change(settings{"memory.hard": "lots"})
	if a := s.keepone("reload"); a.code != 1 || !strings.Contains(a.err, filepath.Base(s.config)+":") || !strings.Contains(a.err, "memory.hard") {
		t.Errorf("reload of a bad file: exit code %d, and stderr should name file, line and key:\n%s", a.code, a.err)
	}
	if st := s.await("up"); st.Memory.Hard != 900<<20 {
		t.Errorf("after a bad file: limit %d", st.Memory.Hard)
	}

	change(settings{"memory.hard": "800MiB", "control.read": []string{}})
	s.must(s.supervisor.cmd.Process.Signal(syscall.SIGHUP))
	s.awaitThat("SIGHUP is a reload", func(st state) bool { return st.Memory.Hard == 800<<20 })

	s.do("restart-backend")
	if st := s.await("up"); len(st.Pending) != 0 || st.Socket.Mode != "0666" || !slices.Contains(environment(t, st.Backend.PID), "COLOUR=green") {
		t.Errorf("after a restart: pending %q, environment %q", st.Pending, environment(t, st.Backend.PID))
	}
	s.killKeepone() // the next one has read the file anew: only the path was left to change
	change(settings{"socket.path": s.socket, "environment.COLOUR": "blue"})
	s.startKeepone()
	if st := s.await("up"); len(st.Pending) != 1 {
		t.Errorf("an adopted backend was made with another configuration, and pending is %q", st.Pending)
	}
	l.lossless(t)
}

// TestReloadCommand: without a file there is nothing to read again, and nothing is lost by asking.
func TestReloadCommand(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newSite(t, plan{command: command, settings: set})
	a := s.keepone("reload")
	if a.code != 1 || !strings.Contains(a.err, "does not run") {
		t.Errorf("without a keepone: exit code %d\n%s", a.code, a.err)
	}
}

func (s *site) mode(name string) os.FileMode {
	s.t.Helper()
	st, err := os.Stat(filepath.Join(s.run, name))
	s.must(err)
	return st.Mode().Perm()
}

// environment is that of a process as it began.
func environment(t *testing.T, pid int) []string {
	t.Helper()
	var text []byte
	await(t, 5*time.Second, "the backend has its environment", func() bool {
		var err error
		text, err = os.ReadFile("/proc/" + itoa(pid) + "/environ")
		return err == nil && len(text) > 0
	})
	return strings.Split(string(text), "\x00")
}
