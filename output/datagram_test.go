package output

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// daemon is a datagram socket that nobody reads unless told to.
type daemon struct {
	t  *testing.T
	fd int
}

func listenAt(t *testing.T, path string) *daemon {
	t.Helper()
	unix.Unlink(path)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	}
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{t, fd}
	t.Cleanup(d.close)
	return d
}

func (d *daemon) close() {
	if d.fd >= 0 {
		unix.Close(d.fd)
		d.fd = -1
	}
}

// all returns the datagrams that wait.
func (d *daemon) all() (got []string) {
	d.t.Helper()
	buf := make([]byte, 1<<20)
	for {
		n, err := unix.Read(d.fd, buf)
		if err == unix.EAGAIN {
			return got
		}
		if err != nil {
			d.t.Fatal(err)
		}
		got = append(got, string(buf[:n]))
	}
}

// fields decodes an entry of the native protocol.
func fields(t *testing.T, entry string) map[string]string {
	t.Helper()
	m := map[string]string{}
	for entry != "" {
		line, rest, _ := strings.Cut(entry, "\n")
		name, value, plain := strings.Cut(line, "=")
		if !plain {
			if len(rest) < 8 || uint64(len(rest)) < 9+binary.LittleEndian.Uint64([]byte(rest)) {
				t.Fatalf("%q is cut", entry)
			}
			n := binary.LittleEndian.Uint64([]byte(rest))
			value, rest = rest[8:8+n], rest[8+n:]
			if rest[0] != '\n' {
				t.Fatalf("%q does not end with a newline", value)
			}
			rest = rest[1:]
		}
		if _, twice := m[name]; twice {
			t.Fatalf("%s twice", name)
		}
		m[name], entry = value, rest
	}
	return m
}

func TestJournalGetsLinesAsEntries(t *testing.T) {
	options := in(t.TempDir())
	options.Target = Target{To: Journal, Name: "web", Socket: filepath.Join(t.TempDir(), "socket")}
	d := listenAt(t, options.Socket)
	o, _ := run(t, options)
	io.WriteString(o.Writer(), "one\n\n<3>bad\n<9>two\npar")
	last(t, o, false)
	io.WriteString(o.Writer(), "tial\nno end")
	last(t, o, true) // the backend has exited
	io.WriteString(o.Writer(), "the next\n")
	w := last(t, o, false)
	var got []string
	for _, entry := range d.all() {
		f := fields(t, entry)
		if f["SYSLOG_IDENTIFIER"] != "web" || f["KEEPONE_NAME"] != "web" || len(f) != 4 {
			t.Errorf("%q", f)
		}
		got = append(got, f["PRIORITY"]+" "+f["MESSAGE"])
	}
	want := []string{"6 one", "3 bad", "6 <9>two", "6 partial", "6 no end", "6 the next"}
	if !slices.Equal(got, want) || w.Lost != 0 || w.Cause != nil {
		t.Errorf("%q, %+v; want %q", got, w, want)
	}
}

func TestSyslogGetsLines(t *testing.T) {
	options := in(t.TempDir())
	options.Target = Target{To: Syslog, Name: "web", Socket: filepath.Join(t.TempDir(), "log")}
	d := listenAt(t, options.Socket)
	o, _ := run(t, options)
	io.WriteString(o.Writer(), "one\n<0>two\n"+strings.Repeat("x", 1500)+"\n")
	last(t, o, false)
	got := d.all()
	if len(got) != 4 || len(got[2]) != syslogMost {
		t.Fatalf("%q", got)
	}
	for i, want := range []string{"<30>[A-Z][a-z]{2} [ 1-3][0-9] [0-9:]{8} web: one", "<24>.{15} web: two", "<30>.{15} web: x*", "<30>.{15} web: x*"} {
		if !regexp.MustCompile("^" + want + "$").MatchString(got[i]) {
			t.Errorf("%q is not %s", got[i], want)
		}
	}
	if n := strings.Count(got[2]+got[3], "x"); n != 1500 {
		t.Errorf("%d of 1500 bytes", n)
	}
}

// A daemon that reads nothing holds up the backend for a moment and no longer.
func TestStalledDaemonLosesAndCounts(t *testing.T) {
	const n = 20_000 // more than the FIFO and the socket's queue hold
	options := in(t.TempDir())
	options.Target = Target{To: Journal, Name: "web", Socket: filepath.Join(t.TempDir(), "socket")}
	d := listenAt(t, options.Socket)
	o, _ := run(t, options)
	c, stdin := backend(t, o, n)
	stdin.Close()
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	w := last(t, o, false)
	arrived := 0
	for _, entry := range d.all() {
		arrived += len(fields(t, entry)["MESSAGE"])
	}
	if total := len(lines(n)) - n; arrived == 0 || uint64(total-arrived) != w.Lost || !errors.Is(w.Cause, errStalled) {
		t.Errorf("%d of %d bytes arrived, %d lost, %v", arrived, total, w.Lost, w.Cause)
	}
}

func TestSlowDaemonGetsEverything(t *testing.T) {
	s := newJournal(Target{Name: "web", Socket: filepath.Join(t.TempDir(), "socket")})
	d := listenAt(t, s.path)
	defer s.close()
	const n = 2000 // many times the queue of a socket
	got := make(chan int)
	go func() {
		count := 0
		buf := make([]byte, 1<<10)
		for count < n {
			fds := []unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLIN}}
			if k, err := unix.Poll(fds, 10_000); k == 0 && err == nil {
				break
			}
			if _, err := unix.Read(d.fd, buf); err == nil {
				count++
			}
		}
		got <- count
	}()
	s.write(bytes.Repeat([]byte("line\n"), n))
	if count := <-got; s.lost == 0 && count != n {
		t.Errorf("%d of %d, %v", count, n, s.cause)
	} else if s.lost > 0 {
		t.Skip("this machine is so slow that the reader stalled")
	}
}

func TestDaemonThatComesBack(t *testing.T) {
	s := newJournal(Target{Name: "web", Socket: filepath.Join(t.TempDir(), "socket")})
	defer s.close()
	s.write([]byte("nobody there\n"))
	if s.lost != 12 || !errors.Is(s.cause, unix.ENOENT) || !strings.Contains(s.cause.Error(), s.path) {
		t.Errorf("%d lost, %v", s.lost, s.cause)
	}
	d := listenAt(t, s.path)
	s.reopen()
	s.write([]byte("there\n"))
	if n := len(d.all()); n != 1 || s.cause != nil {
		t.Errorf("%d entries, %v", n, s.cause)
	}
	d.close()
	d = listenAt(t, s.path) // restarted: another socket
	s.tried = time.Time{}   // a while ago
	s.write([]byte("again\n"))
	if n := len(d.all()); n != 1 || s.cause != nil || s.lost != 12 {
		t.Errorf("%d entries, %d lost, %v", n, s.lost, s.cause)
	}
}

func TestSendingMakesNoGarbage(t *testing.T) {
	for _, make := range []func(Target) *datagrams{newJournal, newSyslog} {
		s := make(Target{Name: "web", Socket: filepath.Join(t.TempDir(), "socket")})
		defer s.close()
		d := listenAt(t, s.path)
		buf := [1 << 10]byte{}
		chunk := []byte("a line of text\n")
		if n := testing.AllocsPerRun(1000, func() { s.write(chunk); unix.Read(d.fd, buf[:]) }); n >= 1 || s.lost > 0 {
			t.Errorf("%v allocations for a line, %d lost", n, s.lost)
		}
	}
}
