package socket

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLongPath(t *testing.T) {
	o := options(t)
	dir := filepath.Join(filepath.Dir(o.Path), strings.Repeat("d", 100), strings.Repeat("e", 100))
	must(t, os.MkdirAll(dir, 0o755))
	o.Path = filepath.Join(dir, "x.sock")
	err := Prepare(o)
	must(t, err)
	l := published(t, o, 1)
	client, err := l.Connect()
	must(t, err)
	defer unix.Close(client)
	defer unix.Close(accepted(t, l))
	if q := ask(t, diag(t), l); q.Active != 1 {
		t.Errorf("queue %+v", q)
	}
	if live, _, err := Listening(o.Path); !live || err != nil {
		t.Errorf("live %v, %v", live, err)
	}
	must(t, l.Withdraw())
	o.Path = filepath.Join(dir, strings.Repeat("n", 100))
	if _, err := Bind(o, 1); !errors.Is(err, unix.ENAMETOOLONG) {
		t.Errorf("error %v", err)
	}
}

func TestConnectReachesItsOwnGeneration(t *testing.T) {
	o := options(t)
	d := diag(t)
	first := published(t, o, 1)
	second := bound(t, o, 2)
	for _, step := range []func() error{func() error { return nil }, func() error { return second.Publish() }, second.Withdraw} {
		must(t, step())
		for _, l := range []*Listener{first, second} {
			fd, err := l.Connect()
			must(t, err)
			if q := ask(t, d, l); q.Pending != 1 {
				t.Errorf("generation %d: %+v", l.Generation(), q)
			}
			unix.Close(accepted(t, l))
			unix.Close(fd)
		}
	}
}

func TestBlocking(t *testing.T) {
	l := bound(t, options(t), 1)
	flags := func() int {
		n, err := unix.FcntlInt(uintptr(l.Fd()), unix.F_GETFL, 0)
		must(t, err)
		return n & unix.O_NONBLOCK
	}
	if flags() != 0 {
		t.Error("born non-blocking")
	}
	must(t, unix.SetNonblock(l.Fd(), true))
	cleared, err := l.Blocking()
	must(t, err)
	if !cleared {
		t.Error("it does not say that it was set")
	}
	if flags() != 0 {
		t.Error("still non-blocking")
	}
	if n, err := unix.FcntlInt(uintptr(l.Fd()), unix.F_GETFD, 0); err != nil || n&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %x, %v", n, err)
	}
}

func TestAdopt(t *testing.T) {
	o := options(t)
	for _, publish := range []bool{false, true} {
		l := bound(t, o, 3)
		if publish {
			must(t, l.Publish())
		}
		fd, err := unix.Dup(l.Fd())
		must(t, err)
		a, err := Adopt(o, 3, fd)
		must(t, err)
		if a.SockIno() != l.SockIno() || a.dev != l.dev || a.ino != l.ino || a.Generation() != 3 || a.Fd() != fd {
			t.Errorf("adopted %+v of %+v", a, l)
		}
		client, err := a.Connect()
		must(t, err)
		unix.Close(client)
		must(t, a.Withdraw())
		must(t, a.Close())
		must(t, l.Close())
		if left, _ := os.ReadDir(filepath.Dir(o.Path)); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

func TestAdoptRefuses(t *testing.T) {
	o := options(t)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	udp, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	file, err := os.Open("/dev/null")
	must(t, err)
	defer file.Close()
	for fd, want := range map[int]string{pair[0]: "not listening", udp: "not a Unix socket", int(file.Fd()): "not a socket"} {
		if _, err := Adopt(o, 1, fd); err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "non-socket", "not a socket"), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	unix.Close(pair[0])
	unix.Close(pair[1])
	unix.Close(udp)
}

// With CAP_NET_ADMIN the file is found wherever it went.
func TestAdoptFindsRenamedFile(t *testing.T) {
	root(t, "SIOCUNIXFILE")
	o := options(t)
	l := published(t, o, 3)
	must(t, os.Rename(o.Path, o.Path+".moved"))
	fd, err := unix.Dup(l.Fd())
	must(t, err)
	a, err := Adopt(o, 3, fd)
	must(t, err)
	defer a.Close()
	client, err := a.Connect()
	must(t, err)
	unix.Close(client)
}

// Without, the path or the hidden name must be this very socket.
func TestAdoptFindsByName(t *testing.T) {
	o := options(t)
	first := published(t, o, 1)
	second := bound(t, o, 2)
	for _, test := range []struct {
		l    *Listener
		step func() error
		want bool
	}{
		{first, func() error { return nil }, true},
		{second, func() error { return nil }, true},
		{second, func() error { return second.Publish() }, true},
		{first, func() error { return nil }, true}, // its hidden name
		{first, func() error { return os.Remove(first.hidden()) }, false},
	} {
		must(t, test.step())
		file := test.l.findByName()
		if test.want != (file >= 0) {
			t.Fatalf("generation %d: found %v, want %v", test.l.generation, file >= 0, test.want)
		}
		if file >= 0 {
			var st unix.Stat_t
			must(t, unix.Fstat(file, &st))
			if st.Ino != test.l.ino {
				t.Errorf("generation %d: inode %d, want %d", test.l.generation, st.Ino, test.l.ino)
			}
			unix.Close(file)
		}
	}
}

// A Listener whose file is not known can serve, and touches no file.
func TestAdoptWithoutFile(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	fd, err := unix.Dup(l.Fd())
	must(t, err)
	a := &Listener{options: o, generation: 1, fd: fd, file: -1}
	must(t, a.identify())
	if q := ask(t, diag(t), a); q.Backlog != 64 {
		t.Errorf("queue %+v", q)
	}
	if _, err := a.Connect(); !errors.Is(err, errNoFile) {
		t.Errorf("error %v", err)
	}
	if _, err := ActiveIn(a, nil); !errors.Is(err, errNoFile) {
		t.Errorf("error %v", err)
	}
	must(t, a.Withdraw())
	must(t, a.Close())
	if stat(t, o.Path).Ino != l.ino {
		t.Error("the path is gone")
	}
}
