package output

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// ends returns both ends of a pipe or a socket pair.
func ends(t *testing.T, kind string) (reader, writer int) {
	t.Helper()
	var fd [2]int
	var err error
	if kind == "socket" {
		fd, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	} else {
		err = unix.Pipe2(fd[:], unix.O_CLOEXEC)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd[0]); unix.Close(fd[1]) })
	return fd[0], fd[1]
}

func blocks(t *testing.T, fd int) bool {
	t.Helper()
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	return flags&unix.O_NONBLOCK == 0
}

// A reader that takes nothing loses output and holds up nobody; who shares the
// descriptor notices nothing.
func TestStalledReaderOfStdout(t *testing.T) {
	for _, kind := range []string{"pipe", "socket", "another's pipe"} {
		reader, writer := ends(t, kind)
		s := &stream{to: writer, fd: -1}
		s.reopen()
		if kind == "another's pipe" { // which cannot be opened anew
			s.close()
			s.fd, s.wait = s.to, true
		}
		text := []byte(strings.Repeat("0123456789abcde\n", 1<<16)) // 1 MiB
		s.write(text)
		if s.lost == 0 || s.lost >= 1<<20 || !errors.Is(s.cause, errStalled) {
			t.Errorf("%s: %d lost, %v", kind, s.lost, s.cause)
		}
		if !blocks(t, writer) {
			t.Errorf("%s: does not block any more", kind)
		}
		buf, got := make([]byte, 1<<20), 0
		for want := 1<<20 - int(s.lost); got < want; {
			n, err := unix.Read(reader, buf)
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
		s.stall = stall{} // a while ago
		s.write([]byte("again\n"))
		if n, err := unix.Read(reader, buf); err != nil || string(buf[:n]) != "again\n" || s.cause != nil {
			t.Errorf("%s: %q, %v, %v", kind, buf[:n], err, s.cause)
		}
		s.close()
		if unix.Close(reader); kind == "pipe" {
			s.reopen()
			s.write([]byte("nobody\n"))
			if s.cause == nil {
				t.Errorf("%s: nobody read it", kind)
			}
		}
	}
}

func TestStdoutThatIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Seek(0, 2) // the position is shared with who else writes there
	s := &stream{to: int(f.Fd()), fd: -1}
	s.reopen()
	s.write([]byte("after\n"))
	if got := read(t, path); got != "before\nafter\n" || s.lost != 0 {
		t.Errorf("%q, %v", got, s.cause)
	}
}

func TestSurroundings(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var st unix.Stat_t
	unix.Fstat(int(f.Fd()), &st)
	ours := fmt.Sprintf("%d:%d", st.Dev, st.Ino)
	for _, c := range []struct {
		stream string
		pid    int
		want   string
	}{
		{ours, 77, Journal}, {ours, 1, Journal}, {"", 1, Stdout}, {"", 77, ""},
		{ours + "0", 77, ""}, // inherited from somebody with another stderr
	} {
		if got := surroundings(c.stream, int(f.Fd()), c.pid); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
