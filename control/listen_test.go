package control

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// stale leaves a socket file behind that nobody listens on.
func stale(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	stale(t, path)
	if _, err := Ask(context.Background(), path, Request{Op: "status"}); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("Ask at a stale socket: %v", err)
	}
	s, err := Listen(path, Access{}, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	go s.Serve(context.Background(), notStatus, echo, nil)
	if a := ask(t, path, "status"); a.Error != "" {
		t.Errorf("%+v", a)
	}
}

func TestOnlyASocketIsReplaced(t *testing.T) {
	dir := t.TempDir()
	for name, made := range map[string]func(string) error{
		"file":    func(p string) error { return os.WriteFile(p, []byte("x"), 0o600) },
		"dir":     func(p string) error { return os.Mkdir(p, 0o700) },
		"fifo":    func(p string) error { return unix.Mkfifo(p, 0o600) },
		"symlink": func(p string) error { return os.Symlink("elsewhere", p) },
	} {
		path := filepath.Join(dir, name)
		if err := made(path); err != nil {
			t.Fatal(err)
		}
		if _, err := Listen(path, Access{}, -1); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "no socket") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
}

func TestCloseLeavesWhatIsNotOurs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	s, err := Listen(path, Access{}, -1)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	stale(t, path)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("Close removed another's socket: %v", err)
	}
}

func TestModeFollowsTheGrants(t *testing.T) {
	defer unix.Umask(unix.Umask(0o777)) // whatever the umask
	for _, c := range []struct {
		a    Access
		want os.FileMode
	}{
		{Access{}, 0o600},
		{Access{Read: Grant{UIDs: []int{1}}}, 0o666},
		{Access{Operate: Grant{GIDs: []int{1}}}, 0o666},
	} {
		dir, err := os.MkdirTemp("", "control")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		os.Chmod(dir, 0o700)
		s, err := Listen(filepath.Join(dir, "c"), c.a, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		there, err := os.Stat(filepath.Join(dir, "c"))
		if err != nil || there.Mode().Perm() != c.want {
			t.Errorf("%+v: %v, %v; want %v", c.a, there.Mode(), err, c.want)
		}
	}
}

func TestPeerCredentialsDecide(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	const stranger, group = 54321, 54322
	other := &syscall.Credential{Uid: stranger, Gid: stranger, Groups: manyGroups(group)}
	mine, wrong := Grant{UIDs: []int{stranger}}, Grant{UIDs: []int{1}, GIDs: []int{1}}
	byGroup := Grant{GIDs: []int{group}}
	for _, c := range []struct {
		name string
		a    Access
		op   string
		want string // in the error; "" is an answer
	}{
		{"nothing granted", Access{}, "status", "permission denied"},
		{"another granted", Access{Read: wrong, Operate: wrong}, "status", "cannot answer: uid 54321 is not allowed"},
		{"another granted", Access{Operate: wrong}, "restart", "control.read or control.operate"},
		{"read", Access{Read: mine}, "status", ""},
		{"read is not operate", Access{Read: mine}, "restart", "cannot restart: uid 54321 is not allowed"},
		{"read is not operate", Access{Read: byGroup}, "stop", "control.operate in the configuration"},
		{"operate", Access{Operate: mine}, "restart", ""},
		{"operate implies read", Access{Operate: mine}, "status", ""},
		{"supplementary group", Access{Operate: byGroup}, "restart", ""},
		{"group", Access{Read: Grant{GIDs: []int{stranger}}}, "status", ""},
	} {
		path := serve(t, c.a, echo)
		reachable(t, filepath.Dir(path))
		out := askAs(t, other, path, c.op)
		if c.want == "" && !strings.Contains(out, `"body"`) || !strings.Contains(out, c.want) {
			t.Errorf("%s, %s: %s; want %q", c.name, c.op, out, c.want)
		}
		if a := ask(t, path, c.op); a.Error != "" {
			t.Errorf("%s: root was refused: %+v", c.name, a)
		}
	}
}

// manyGroups is more than fit into the first buffer of peerGroups, last one last.
func manyGroups(last uint32) (groups []uint32) {
	for i := range uint32(40) {
		groups = append(groups, 60000+i)
	}
	return append(groups, last)
}

// reachable opens the test's directories to other users.
func reachable(t *testing.T, dir string) {
	for d := dir; filepath.Dir(d) != d && d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func askAs(t *testing.T, who *syscall.Credential, path, op string) string {
	t.Helper()
	// /proc/self/exe, because the directory of the test binary may be closed to who.
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), "CONTROL_TEST_ASK="+path, "CONTROL_TEST_OP="+op,
		"GORACE=atexit_sleep_ms=0") // the race detector would wait a second at exit
	c.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	out, err := c.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}

func TestGrantedUserCannotLockTheOperatorOut(t *testing.T) {
	s := &Server{shared: make(chan struct{}, shared), reserved: make(chan struct{}, reserved)}
	granted, operator := peer{uid: 54321}, peer{trusted: true}
	for range shared {
		if s.place(granted) == nil {
			t.Fatal("a shared place was refused")
		}
	}
	if s.place(granted) != nil {
		t.Error("a granted user got a reserved place")
	}
	for range reserved {
		if s.place(operator) == nil {
			t.Fatal("the operator was refused a reserved place")
		}
	}
	if s.place(operator) != nil {
		t.Error("more places than there are")
	}
	<-s.reserved
	if s.place(operator) == nil {
		t.Error("a place given back was not given out")
	}
}
