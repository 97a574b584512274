package rival

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Whoever listens at our path is one, whatever it is.
func TestPath(t *testing.T) {
	s := newSite(t)
	other := s.write("other.py", program)
	w := s.wanted("perl", "x.pl")
	listen := func(dir string, args ...string) *run {
		return s.ready(s.start(dir, nil, append([]string{s.python, other}, args...)...))
	}
	listen(s.dir, "unix="+s.path("ss"))
	listen(s.dir, "unix="+s.path("s-0")) // lighttpd did not start it
	s.write("d/x", "")
	listen(s.dir, "unix=d/s")
	s.nobody(w, "other sockets")
	r := listen(s.dir, "unix=./s")
	found := s.only(w, r, Path)
	if !found.AtPath || found.Socket == 0 || found.Why != "it listens at "+w.Socket {
		t.Errorf("%+v", found)
	}
	must(t, os.Rename(w.Socket, s.path("renamed")))
	if found := s.only(w, r, Path); found.AtPath || found.Socket == 0 || !strings.HasSuffix(found.Why, " before") {
		t.Errorf("%+v", found)
	}
	must(t, os.Link(s.path("renamed"), w.Socket))
	must(t, os.Remove(s.path("renamed")))
	if found := s.only(w, r, Path); !found.AtPath {
		t.Errorf("%+v", found)
	}
	must(t, os.Remove(w.Socket))
	l, err := net.Listen("unix", w.Socket) // ours: the test's own
	must(t, err)
	defer l.Close()
	if found := s.only(w, r, Path); found.AtPath {
		t.Errorf("%+v", found)
	}
	s.end(r)
	s.nobody(w, "it has ended")
	s.nobody(Wanted{Argv: w.Argv, Dir: w.Dir}, "no socket is wanted")
	s.nobody(Wanted{Argv: w.Argv, Dir: w.Dir, Socket: "/none/of/that"}, "no such directory")
}

// A child that inherited our listening socket is one, a name that only looks
// like ours is none.
func TestPathInherited(t *testing.T) {
	s := newSite(t)
	w := s.wanted("perl", "x.pl")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: w.Socket})
	must(t, err)
	defer l.Close()
	s.nobody(w, "nobody but us")
	f, err := l.File()
	must(t, err)
	defer f.Close()
	cmd := exec.Command(s.python, "app.py")
	cmd.Dir, cmd.ExtraFiles = s.dir, []*os.File{f}
	s.only(w, s.ready(s.begin(cmd)), Path)
}

// Who started us may hold the socket for us, whatever its name; a child that
// inherited it is still one.
func TestPathOfWhoStartedUs(t *testing.T) {
	s := newSite(t)
	w := s.wanted("perl", "x.pl")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: w.Socket})
	must(t, err)
	defer l.Close()
	look := func() (found []Rival) {
		text, err := json.Marshal(w)
		must(t, err)
		self, err := os.Executable()
		must(t, err)
		must(t, exec.Command("cp", self, s.path("look")).Run()) // the same program is no rival anyway
		cmd := exec.Command(s.path("look"))
		cmd.Env = append(os.Environ(), asOther+"="+string(text))
		out, err := cmd.Output()
		must(t, err)
		must(t, json.Unmarshal(out, &found))
		return found
	}
	if found := look(); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	f, err := l.File()
	must(t, err)
	defer f.Close()
	cmd := exec.Command(s.python, "app.py")
	cmd.Dir, cmd.ExtraFiles = s.dir, []*os.File{f}
	r := s.ready(s.begin(cmd))
	if found := look(); len(found) != 1 || found[0].PID != r.pid() || found[0].Rule != Path {
		t.Errorf("%+v", found)
	}
}

// In another mount namespace the same name is another directory; the socket of
// a process that moved to another root is known by its file.
func TestPathElsewhere(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mount namespaces need root")
	}
	s := newSite(t)
	w := s.wanted("perl", "x.pl")
	must(t, os.Mkdir(s.path("private"), 0o755))
	must(t, os.Mkdir(s.path("public"), 0o755))
	w.Socket = s.path("public/s")
	mount := fmt.Sprintf("mount --bind %s %s && exec %s %s unix=%s", s.path("private"), s.path("public"), s.python, s.path("app.py"), w.Socket)
	private := s.ready(s.start(s.dir, nil, need(t, "unshare"), "-m", "sh", "-c", mount))
	s.nobody(w, "a private directory")
	if _, err := os.Lstat(s.path("private/s")); err != nil {
		t.Error(err)
	}
	s.end(private)
	mount = fmt.Sprintf("mount -t tmpfs none %s && exec %s %s unix=%s 'run=umount -l %[1]s'", s.path("public"), s.python, s.path("app.py"), w.Socket)
	covered := s.ready(s.start(s.dir, nil, "unshare", "-m", "sh", "-c", mount))
	s.nobody(w, "another file system")
	s.end(covered)
	r := s.ready(s.start(s.dir, nil, "unshare", "-m", s.python, s.path("app.py"), "unix="+w.Socket, "remove="+w.Socket))
	if found := s.only(w, r, Path); found.AtPath {
		t.Errorf("%+v", found)
	}
}
