package rival

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// By TCP it is the port at our address, or at every address.
func TestAddress(t *testing.T) {
	s := newSite(t)
	w := s.wanted("perl", "x.pl")
	port, other := freePort(t), freePort(t)
	s.app(fmt.Sprintf("tcp=127.0.0.1:%d", other))
	for _, c := range []struct {
		wanted, theirs string
		rival          bool
	}{
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "0.0.0.0", true},
		{"127.0.0.1", "::", true},
		{"127.0.0.1", "127.0.0.2", false},
		{"0.0.0.0", "127.0.0.2", true},
		{"[::1]", "::1", true},
		{"[::1]", "::", true},
		{"[::1]", "127.0.0.1", false},
	} {
		r := s.app(fmt.Sprintf("tcp=%s:%d", c.theirs, port))
		w.Socket = fmt.Sprintf("tcp://%s:%d", c.wanted, port)
		if c.rival {
			found := s.only(w, r, Path)
			if !found.AtPath || found.Socket == 0 || len(found.Listens) != 1 || !strings.HasPrefix(found.Why, "it listens at ") {
				t.Errorf("%+v", found)
			}
		} else {
			s.nobody(w, fmt.Sprint(c))
		}
		s.end(r)
	}
	w.Socket = fmt.Sprintf("tcp://127.0.0.1:%d", port)
	s.app(fmt.Sprintf("only6=%d", port))
	s.nobody(w, "none of IPv4's")
	w.Socket = "tcp://nowhere"
	if _, err := Find(w); err == nil || !strings.Contains(err.Error(), "tcp://nowhere") {
		t.Errorf("no address: %v", err)
	}
}

// Both ways of asking who listens by TCP say the same, and leave out those that
// are connected.
func TestWhoListens(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", address)
		must(t, err)
		defer l.Close()
		c, err := net.Dial("tcp", l.Addr().String())
		must(t, err)
		defer c.Close()
		a, err := l.Accept()
		must(t, err)
		defer a.Close()
		ours := func(all []listener) (ours []listener) {
			for _, l2 := range all {
				if int(l2.addr.Port()) == l.Addr().(*net.TCPAddr).Port {
					l2.only6 = false // not told by /proc
					ours = append(ours, l2)
				}
			}
			return ours
		}
		asked, err := inetListeners()
		must(t, err)
		read := ours(host("").tcpListeners(os.Getpid()))
		if asked := ours(asked); len(asked) != 1 || !slices.Equal(asked, read) || asked[0].String() != l.Addr().String() || asked[0].inode == 0 {
			t.Errorf("%v, %v", asked, read)
		}
	}
}

// What listens in another network namespace listens, and not at our address.
func TestOtherNetwork(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	s := newSite(t)
	w := s.wanted("python3", "app.py")
	port := freePort(t)
	w.Socket = fmt.Sprintf("tcp://127.0.0.1:%d", port)
	for _, where := range []string{fmt.Sprintf("tcp=0.0.0.0:%d", port), "unix=" + s.path("u")} {
		r := s.ready(s.start(s.dir, nil, need(t, "unshare"), "-n", s.python, "app.py", where))
		_, address, _ := strings.Cut(where, "=")
		if found := s.only(w, r, Script); found.AtPath || found.Socket != 0 || len(found.Listens) != 1 || found.Listens[0] != address {
			t.Errorf("%+v", found)
		}
		s.end(r)
	}
	job := s.ready(s.start(s.dir, nil, "unshare", "-n", s.python, "app.py", "job"))
	s.nobody(w, "a job")
	s.end(job)
}

// lighttpd runs a real lighttpd with a backend that it starts itself.
func (s *site) lighttpd(socket, binPath string, processes int) *run {
	s.Helper()
	program := need(s.T, "/usr/sbin/lighttpd")
	conf := s.write("lighttpd"+filepath.Base(socket)+".conf", fmt.Sprintf(`server.document-root = %q
server.port = %d
server.bind = "127.0.0.1"
server.errorlog = "/dev/null"
server.modules = ("mod_fastcgi")
fastcgi.server = ("/" => (("socket" => %q, "bin-path" => %q, "max-procs" => %d, "check-local" => "disable")))
`, s.dir, freePort(s.T), socket, binPath, processes))
	r := s.start(s.dir, nil, program, "-D", "-f", conf)
	for n := range processes {
		path := fmt.Sprintf("%s-%d", socket, n)
		eventually(s.T, path+" is there", func() bool { _, err := os.Lstat(path); return err == nil })
	}
	return r
}

// What lighttpd starts for our socket is one for each that it starts, with its
// children; not what it starts for others.
func TestBinPath(t *testing.T) {
	s := newSite(t)
	s.write("wrapper", "#!/bin/sh\nPHP_FCGI_CHILDREN=2 "+need(t, "php-cgi")+"\n:")
	s.lighttpd(s.path("shop"), s.path("wrapper"), 1)
	w := s.wanted("perl", "x.pl")
	s.nobody(w, "another site's")
	web := s.lighttpd(w.Socket, s.path("wrapper"), 2)
	var found []Rival
	eventually(t, "both are rivals", func() bool {
		found = s.find(w)
		return len(found) == 2 && found[0].Command+found[1].Command == strings.Repeat("/bin/sh "+s.path("wrapper"), 2)
	})
	for _, r := range found {
		if r.Rule != BinPath || r.AtPath || r.Socket == 0 || !r.Returns || len(r.Parents) == 0 || r.Parents[0] != (Parent{web.pid(), "lighttpd"}) ||
			r.Origin != fmt.Sprintf("lighttpd (process %d), as its bin-path", web.pid()) ||
			r.End != fmt.Sprintf("kill %d; lighttpd starts it again unless bin-path is taken out of its configuration", r.PID) ||
			len(r.Listens) != 1 || !strings.HasPrefix(r.Listens[0], w.Socket+"-") {
			t.Errorf("%+v", r)
		}
	}
}
