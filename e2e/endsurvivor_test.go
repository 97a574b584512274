package e2e

import (
	"strings"
	"testing"
)

// TestEndSurvivor: what serves on without its keepone is ended by a command, with all its processes; beside a keepone
// that lives that is refused, and nobody there is no failure.
func TestEndSurvivor(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "php-cgi")
	set["environment.PHP_FCGI_CHILDREN"] = "2"
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	st := s.await("up")
	if a := s.keepone("stop-backend", "--survivor"); a.code != 1 || !strings.Contains(a.err, itoa(s.supervisor.pid())) || !strings.Contains(a.err, "hint: keepone stop-backend ") {
		t.Errorf("beside keepone: %+v", a)
	}
	if now := s.await("up"); now.Backend.PID != st.Backend.PID {
		t.Error("it ended the backend of a keepone that lives")
	}
	s.killKeepone()
	if o := ask(newClient(), s.url, "/fast"); o.err != nil {
		t.Error(o.err)
	}
	for range 2 { // the second time there is nobody
		if a := s.keepone("stop-backend", "--survivor"); a.code != 0 {
			t.Errorf("exit code %d:\n%s", a.code, a.err)
		}
		if left := s.spawned(); len(left) > 0 {
			t.Fatalf("%v still live", left)
		}
		if a := s.keepone("status"); a.code != 3 {
			t.Errorf("status says %d:\n%s", a.code, a.err)
		}
	}
	s.startKeepone()
	s.await("up")
	if o := ask(newClient(), s.url, "/fast"); o.err != nil {
		t.Error(o.err)
	}
}
