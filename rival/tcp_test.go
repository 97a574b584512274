package rival

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

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
