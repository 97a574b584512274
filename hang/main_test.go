package hang

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// A program is a Python that reads lines from its descriptor 3 and writes lines.
type program struct {
	*exec.Cmd
	t   *testing.T
	out *bufio.Reader
	in  *os.File
}

// python starts a program; its descriptor 0 is stdin. It is killed at the end
// of the test.
func python(t *testing.T, stdin *os.File, text string) *program {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	c := exec.Command(path, "-c", text)
	c.Stdin, c.Stderr, c.ExtraFiles = stdin, os.Stderr, []*os.File{r}
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	t.Cleanup(func() { w.Close(); c.Process.Kill(); c.Wait() })
	return &program{c, t, bufio.NewReader(out), w}
}

func (p *program) pid() int { return p.Process.Pid }

// line waits for a line and returns it.
func (p *program) line() string {
	p.t.Helper()
	s, err := p.out.ReadString('\n')
	must(p.t, err)
	return strings.TrimSpace(s)
}

// tell writes an empty line.
func (p *program) tell() {
	p.t.Helper()
	_, err := p.in.WriteString("\n")
	must(p.t, err)
}

func (p *program) signal(s syscall.Signal) {
	p.t.Helper()
	must(p.t, p.Process.Signal(s))
}

// site is a listening socket, and what its backend is busy with: procfs tells
// here what package socket tells the resident.
type site struct {
	t    *testing.T
	path string
	file *os.File
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, path: filepath.Join(t.TempDir(), "s")}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.path, Net: "unix"})
	must(t, err)
	defer l.Close()
	l.SetUnlinkOnClose(false)
	s.file, err = l.File()
	must(t, err)
	must(t, syscall.SetNonblock(int(s.file.Fd()), false))
	t.Cleanup(func() { s.file.Close() })
	return s
}

// visit connects and stays.
func (s *site) visit() {
	s.t.Helper()
	c, err := net.Dial("unix", s.path)
	must(s.t, err)
	s.t.Cleanup(func() { c.Close() })
}

// A queue is how many are pending, how many accepted, and a number for the set
// of those.
type queue struct {
	pending, accepted int
	set               uint64
}

// busy is what two looks in a row agree on: one alone may miss a socket while
// others come and go.
func (s *site) busy() (q queue) {
	s.t.Helper()
	eventually(s.t, "two equal looks", func() bool {
		before := q
		q = s.look()
		return q == before
	})
	return q
}

func (s *site) look() (q queue) {
	s.t.Helper()
	fs, err := procfs.NewDefaultFS()
	must(s.t, err)
	table, err := fs.NetUNIX()
	must(s.t, err)
	for _, row := range table.Rows {
		switch {
		case row.Path != s.path || row.Flags == 1<<16: // __SO_ACCEPTCON: it listens
		case row.Inode == 0:
			q.pending++
		default:
			q.accepted++
			q.set += row.Inode * row.Inode
		}
	}
	return q
}

// has waits until that many are pending and accepted.
func (s *site) has(pending, accepted int) {
	s.t.Helper()
	eventually(s.t, "the queue", func() bool {
		q := s.busy()
		return q.pending == pending && q.accepted == accepted
	})
}

// eventually waits for a condition, bounded only against hanging for ever.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func pidOf(t *testing.T, text string) int {
	t.Helper()
	pid, err := strconv.Atoi(text)
	must(t, err)
	return pid
}
