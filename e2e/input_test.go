package e2e

import (
	"bytes"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBadDeploy: a failing check stops the restart before anything is drained; --no-check goes through.
func TestBadDeploy(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["backend.check"] = []string{"/bin/sh", "-c", "test ! -e var/broken || { echo 'syntax error in line 7' >&2; exit 1; }"}
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	s.do("restart-backend")
	before := s.await("up")
	s.must(os.WriteFile(s.path("broken"), nil, 0o644))
	l := openLoop(t, s.url, everyday...)
	a := s.keepone("restart-backend")
	if a.code != 1 || !strings.Contains(a.err, "syntax error in line 7") {
		t.Errorf("exit code %d, and stderr should say what the check said:\n%s", a.code, a.err)
	}
	after := s.await("up")
	if after.Backend.PID != before.Backend.PID || after.Socket.Generation != before.Socket.Generation {
		t.Errorf("the check failed, yet the backend went from %d to %d, the socket from generation %d to %d",
			before.Backend.PID, after.Backend.PID, before.Socket.Generation, after.Socket.Generation)
	}
	s.do("restart-backend", "--no-check")
	if st := s.await("up"); st.Backend.PID == before.Backend.PID {
		t.Error("--no-check restarted nothing")
	}
	l.lossless(t)
}

// TestBadConfiguration: an unknown key is exit code 2 and a place in the file, from check and from run.
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{command: []string{"/bin/true"}})
	if a := s.command("check", "-c", s.config); a.code != 0 {
		t.Errorf("check of a good file: exit code %d\n%s", a.code, a.err)
	}
	text, err := os.ReadFile(s.config)
	s.must(err)
	bad := bytes.Replace(text, []byte("directory ="), []byte("directroy ="), 1)
	s.must(os.WriteFile(s.config, bad, 0o644))
	line := itoa(bytes.Count(bad[:bytes.Index(bad, []byte("directroy"))], []byte("\n")) + 1)
	for _, a := range []answer{s.command("check", "-c", s.config), s.keepone("run")} {
		if a.code != 2 || !strings.Contains(a.err, s.config+":"+line+":1: ") || !strings.Contains(a.err, "directory") {
			t.Errorf("exit code %d, and stderr should name %s:%s:1 and the nearest key:\n%s", a.code, s.config, line, a.err)
		}
	}
}

// TestMisuse: what nobody can mean is exit code 2; what is not running is 3 for status and 1 for a command.
func TestMisuse(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{command: []string{"/bin/true"}})
	for _, args := range [][]string{{"run", "--no-such-flag"}, {"frobnicate"}, {"check", "-c", "/nonexistent.toml"}} {
		if a := s.command(args...); a.code != 2 || a.err == "" {
			t.Errorf("keepone %v: exit code %d, stderr %q", args, a.code, a.err)
		}
	}
	if a := s.keepone("status"); a.code != 3 {
		t.Errorf("status of what does not run: exit code %d\n%s%s", a.code, a.out, a.err)
	}
	if a := s.keepone("restart-backend"); a.code != 1 || a.err == "" {
		t.Errorf("restart-backend of what does not run: exit code %d\n%s", a.code, a.err)
	}
}

// TestGarbageOnControl: whatever is sent to the control socket, the site stays up and the next question is answered.
func TestGarbageOnControl(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	before := s.await("up")
	path := s.control()
	for _, garbage := range []string{"\n", "{", "{}\n", "null\n", "\x00\xff\n", `{"op":"frobnicate"}` + "\n",
		`{"op":"restart","now":"yes"}` + "\n", strings.Repeat("x", 1<<20)} {
		c, err := net.Dial("unix", path)
		s.must(err)
		_, _ = c.Write([]byte(garbage)) // keepone may hang up in the middle
		defer c.Close()
	}
	if o := ask(newClient(), s.url, "/fast"); o.err != nil || o.backend != before.Backend.PID {
		t.Errorf("answered by %d, backend is %d: %v", o.backend, before.Backend.PID, o.err)
	}
	if after := s.await("up"); after.Backend.PID != before.Backend.PID {
		t.Errorf("the backend went from %d to %d", before.Backend.PID, after.Backend.PID)
	}
}

// control returns the path of keepone's control socket: the one in its directory that is not the backend's.
func (s *site) control() string {
	s.t.Helper()
	found := ""
	s.must(filepath.WalkDir(s.run, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type() == fs.ModeSocket && path != s.socket && !strings.HasPrefix(d.Name(), ".") {
			found = path
		}
		return err
	}))
	if found == "" {
		s.t.Fatalf("no control socket in %s", s.run)
	}
	return found
}
