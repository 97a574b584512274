package e2e

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// origins are ways to start a double, by name. Each is asked where it is to listen: at the path, or elsewhere.
var origins = []struct {
	name   string
	atPath bool
	start  func(s *site) *double
}{
	{"nohup", true, func(s *site) *double { return s.byHand(s.socket) }},
	{"setsid", false, func(s *site) *double { return s.orphan("", "setsid nohup", s.plan.command...) }},
	{"other arguments", false, func(s *site) *double {
		own := s.path("own.sock")
		return s.orphan(own, "", append(slices.Clone(s.plan.command), "bind="+own)...)
	}},
	{"supervisord", true, func(s *site) *double { return s.supervised(s.socket) }},
	{"bin-path", false, func(s *site) *double { return s.binPath(s.socket, filepath.Join(s.dir, "double.py")) }},
	{"bin-path of php-cgi", false, func(s *site) *double {
		s.php()
		d := s.binPath(s.socket, need(s.t, "php-cgi"))
		d.rule = "bin-path"
		return d
	}},
}

// php makes php-cgi the backend.
func (s *site) php() {
	s.t.Helper()
	s.plan.command = []string{need(s.t, "php-cgi")}
	s.plan.settings["backend.command"] = append([]string{filepath.Join(s.dir, "one.sh")}, s.plan.command...)
	s.plan.settings["environment.PHP_FCGI_CHILDREN"] = 4
	s.configure(s.plan.settings)
}

// TestRivalNamed: beside another interpreter nothing is spawned; who it is, who started it and what ends it is said by
// status and by start-backend; when it is gone the backend starts by itself.
func TestRivalNamed(t *testing.T) {
	for _, o := range origins {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			s := newDoubleSite(t, "", nil)
			d := o.start(s)
			s.startKeepone()
			s.await("blocked")
			r := s.named(d)
			a := s.keepone("start-backend")
			for _, part := range []string{itoa(d.pid), r.Origin, d.end, "keepone start-backend --take-over " + s.name()} {
				if a.code != 1 || !strings.Contains(a.err, part) {
					t.Errorf("start-backend: exit code %d, and stderr should say %q:\n%s", a.code, part, a.err)
				}
			}
			if a := s.keepone("status"); a.code != 1 || !strings.Contains(a.out, d.end) {
				t.Errorf("status: exit code %d, and should say %q:\n%s%s", a.code, d.end, a.out, a.err)
			}
			if pids := s.spawned(); len(pids) > 0 {
				t.Errorf("spawned beside the rival: %v", pids)
			}
			if !running(d.pid) {
				t.Errorf("the rival was ended")
			}
			s.ends(d)
			if st := s.await("up"); len(st.Rivals) > 0 {
				t.Errorf("still named: %+v", st.Rivals)
			}
			d.gone()
		})
	}
}

// ends does what keepone has said: the command, and the advice behind it.
func (s *site) ends(d *double) {
	s.t.Helper()
	if d.stop != nil {
		out, err := exec.Command(d.stop[0], d.stop[1:]...).CombinedOutput()
		if err != nil {
			s.t.Fatalf("%q: %v\n%s", d.stop, err, out)
		}
		return
	}
	d.gone()
}
