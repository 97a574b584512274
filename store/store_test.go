package store

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain plays the program that an init system starts, where it is asked to.
func TestMain(m *testing.M) {
	if os.Getenv("STORE_TEST") == "" {
		os.Exit(m.Run())
	}
	if os.Getenv("LISTEN_PID") == "self" {
		os.Setenv("LISTEN_PID", fmt.Sprint(os.Getpid()))
	}
	for _, d := range Inherited() {
		flags, err := unix.FcntlInt(uintptr(d.FD), unix.F_GETFD, 0)
		fmt.Printf("%s %d %v %v\n", d.Name, d.FD, flags == unix.FD_CLOEXEC, err)
	}
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "LISTEN_") {
			fmt.Println("left:", v)
		}
	}
}

func TestInherited(t *testing.T) {
	for _, c := range []struct {
		env  []string
		want string
	}{
		{[]string{"LISTEN_PID=self", "LISTEN_FDS=2", "LISTEN_FDNAMES=a:b"}, "a 3 true <nil>\nb 4 true <nil>\n"},
		{[]string{"LISTEN_PID=self", "LISTEN_FDS=2", "LISTEN_FDNAMES=a"}, "a 3 true <nil>\n 4 true <nil>\n"},
		{[]string{"LISTEN_PID=1", "LISTEN_FDS=2"}, ""}, // somebody else's
		{[]string{"LISTEN_PID=self", "LISTEN_FDS=many"}, ""},
		{[]string{"LISTEN_PID=self", "LISTEN_FDS=-1"}, ""},
		{nil, ""},
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(c.env, "STORE_TEST=1")
		cmd.ExtraFiles = []*os.File{os.Stdin, os.Stdout}
		out, err := cmd.Output()
		if err != nil || string(out) != c.want {
			t.Errorf("%q: %q, %v; want %q", c.env, out, err, c.want)
		}
	}
}

// What systemd is told, and the descriptor that comes with it, arrive.
func TestPut(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), "@keepone-store-test"} {
		there, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(there)
		if err := unix.Bind(there, &unix.SockaddrUnix{Name: name}); err != nil {
			t.Fatal(err)
		}
		t.Setenv("NOTIFY_SOCKET", name)
		f, err := os.Open(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := Put("socket-7", int(f.Fd())); err != nil {
			t.Fatal(err)
		}
		if err := Remove("socket-6"); err != nil {
			t.Fatal(err)
		}
		text, fds := receive(t, there)
		if len(fds) != 1 || !slices.Contains(strings.Split(text, "\n"), "FDNAME=socket-7") || !strings.Contains(text, "FDSTORE=1\n") {
			t.Fatalf("%q with %d descriptors", text, len(fds))
		}
		var a, b unix.Stat_t
		if unix.Fstat(fds[0], &a) != nil || unix.Fstat(int(f.Fd()), &b) != nil || a.Ino != b.Ino {
			t.Error("another file arrived")
		}
		unix.Close(fds[0])
		if text, fds := receive(t, there); text != "FDSTOREREMOVE=1\nFDNAME=socket-6" || len(fds) != 0 {
			t.Errorf("%q with %d descriptors", text, len(fds))
		}
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	if err := Remove("x"); err == nil {
		t.Error("nobody listens, and that is no error")
	}
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Put("x", 0); err != nil || Enabled() {
		t.Errorf("without systemd: %v, enabled %v", err, Enabled())
	}
}

func receive(t *testing.T, fd int) (string, []int) {
	t.Helper()
	text, rights := make([]byte, 1024), make([]byte, 64)
	n, m, _, _, err := unix.Recvmsg(fd, text, rights, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(rights[:m])
	if err != nil {
		t.Fatal(err)
	}
	var fds []int
	for i := range messages {
		got, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, got...)
	}
	return string(text[:n]), fds
}
