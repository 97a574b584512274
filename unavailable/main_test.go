package unavailable

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary is the process `keepone unavailable`, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "unavailable" {
		os.Exit(Main())
	}
	os.Exit(m.Run())
}

// patience bounds what must not last; nothing waits for it to pass.
const patience = 30 * time.Second

var text = []byte("<h1>Back soon</h1>\n")

func page(protocol string) Page { return Page{Protocol: protocol, RetryAfter: 17, Text: text} }

// A site is a listening socket as keepone makes it.
type site struct {
	*testing.T
	dir  string
	path string
	fd   int
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "unavailable") // t.TempDir is closed to the web server's user
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, dir: dir, path: filepath.Join(dir, "s")}
	s.must(os.Chmod(dir, 0o755))
	s.fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	s.must(err)
	s.must(unix.Bind(s.fd, &unix.SockaddrUnix{Name: s.path}))
	s.must(os.Chmod(s.path, 0o666))
	s.must(unix.Listen(s.fd, 1024))
	t.Cleanup(func() {
		unix.Close(s.fd)
		os.RemoveAll(dir)
	})
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) dial() net.Conn {
	s.Helper()
	c, err := net.Dial("unix", s.path)
	s.must(err)
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// A stand is a process that answers at a site's socket.
type stand struct {
	*exec.Cmd
	word   io.Closer
	stderr bytes.Buffer
}

// open starts the process; it is killed at the test's end if still there.
func (s *site) open(p Page) *stand {
	s.Helper()
	text, err := json.Marshal(p)
	s.must(err)
	return s.openWith(text)
}

func (s *site) openWith(page []byte) *stand {
	s.Helper()
	memfd, err := unix.MemfdCreate("page", unix.MFD_CLOEXEC)
	s.must(err)
	file := os.NewFile(uintptr(memfd), "page")
	defer file.Close()
	_, err = file.Write(page)
	s.must(err)
	read, write, err := os.Pipe()
	s.must(err)
	defer read.Close()
	fd, err := unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, 0)
	s.must(err)
	socket := os.NewFile(uintptr(fd), "socket")
	defer socket.Close()
	st := &stand{Cmd: exec.Command("/proc/self/exe", "unavailable"), word: write}
	st.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // the race detector has each process sleep for a second at its end
	st.Stderr = &st.stderr
	st.ExtraFiles = []*os.File{socket, file, read}
	s.must(st.Start())
	s.Cleanup(func() {
		write.Close()
		st.Process.Kill()
		st.Wait()
	})
	return st
}

// close ends the word and waits for the process to end, which it must do well.
func (s *site) close(st *stand) {
	s.Helper()
	st.word.Close()
	s.await(st)
}

func (s *site) await(st *stand) {
	s.Helper()
	over := time.AfterFunc(patience, func() { st.Process.Kill() })
	defer over.Stop()
	if err := st.Wait(); err != nil {
		s.Fatalf("the process ended with %v; it said %q", err, st.stderr.String())
	}
}

// blocking says whether O_NONBLOCK is off, as every backend expects it.
func (s *site) blocking() error {
	flags, err := unix.FcntlInt(uintptr(s.fd), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_NONBLOCK != 0 {
		return fmt.Errorf("the listening socket's flags are %#x (%v)", flags, err)
	}
	return nil
}

// accept is what the next backend does, without waiting.
func (s *site) accept() (net.Conn, error) {
	fds := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	for err == unix.EINTR {
		n, err = unix.Poll(fds, 0)
	}
	if n == 0 || err != nil {
		return nil, fmt.Errorf("nobody waits (%v)", err)
	}
	fd, _, err := unix.Accept4(s.fd, unix.SOCK_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "accepted")
	defer f.Close()
	return net.FileConn(f)
}
