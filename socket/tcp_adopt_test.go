package socket

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A keepone is killed while one generation drains and a shim holds the next. Who
// waits is not refused, and the next keepone takes both back.
func TestTCPAdopt(t *testing.T) {
	versions(t, func(t *testing.T, o Options) {
		d := diag(t)
		var held [2]*exec.Cmd
		var numbers [2]uint64
		var killed [2]*Listener
		for i := range held {
			killed[i] = published(t, o, i+1)
			held[i], _ = waitingBackend(t, killed[i])
			defer unix.Close(connected(t, o.Path))
			numbers[i] = killed[i].SockIno()
		}
		for _, l := range killed {
			must(t, l.Close())
		}
		for i, c := range held {
			if f, err := Foreign(o, i+1, numbers[i]); err != nil || f.Published() != (i == 1) || ask(t, d, f).Pending != 1 {
				t.Errorf("foreign %d: %v", i+1, err)
			}
			fd, err := Retrieve(numbers[i], []int{c.Process.Pid})
			must(t, err)
			l, err := Adopt(o, i+1, fd)
			must(t, err)
			t.Cleanup(func() { l.Close() })
			if q := ask(t, d, l); q.Pending != 1 || l.Published() != (i == 1) || l.SockIno() != numbers[i] {
				t.Errorf("generation %d: %+v, published %v", i+1, q, l.Published())
			}
			if c := mended(t, d, l, i == 1); c != (Cure{}) {
				t.Errorf("generation %d: %+v", i+1, c)
			}
			unix.Close(accepted(t, l))
		}
		third := bound(t, o, 3)
		must(t, third.Publish())
		unix.Close(connected(t, o.Path))
		pending(t, d, third, 1)
	})
}

func TestTCPAdoptRefuses(t *testing.T) {
	o := tcpOptions(t, "127.0.0.1")
	l := bound(t, o, 1)
	try := func(o Options, want string) {
		if _, err := Adopt(o, 1, l.Fd()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
	}
	try(o, "listening")
	must(t, l.Publish())
	other := tcpOptions(t, "127.0.0.1")
	try(other, "another address")
	try(Options{Path: fmt.Sprintf("tcp://[::1]:%d", l.at.port)}, "family")
	try(options(t), "Unix")
	if _, err := Foreign(o, 1, l.SockIno()+1); !errors.Is(err, unix.ENOENT) {
		t.Errorf("error %v", err)
	}
	// An init system's need not share its port.
	must(t, unix.SetsockoptInt(l.Fd(), unix.SOL_SOCKET, unix.SO_REUSEPORT, 0))
	if !l.Published() {
		t.Error("not published")
	}
}

// tcpSite is an HTTP server of Python's own that serves one request at a time at
// descriptor 0, and knows nothing of ending gracefully.
const tcpSite = `
import http.server, socket, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.002)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args): pass
s = http.server.HTTPServer(("", 0), Handler, bind_and_activate=False)
s.socket.close()
s.socket = socket.socket(fileno=0)
s.serve_forever()
`

// A real server is restarted ten times under load as keepone does it; every
// request is answered.
func TestTCPRestartsOfARealServer(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	o := tcpOptions(t, "127.0.0.1")
	spawn := func(l *Listener) *exec.Cmd {
		dup, err := unix.FcntlInt(uintptr(l.Fd()), unix.F_DUPFD_CLOEXEC, 0)
		must(t, err)
		in := os.NewFile(uintptr(dup), "listening socket")
		defer in.Close()
		c := exec.Command(python, "-c", tcpSite)
		c.Stdin, c.Stderr = in, os.Stderr
		must(t, c.Start())
		t.Cleanup(func() { c.Process.Kill(); c.Wait() })
		must(t, Ready(t.Context(), l))
		return c
	}
	now := published(t, o, 1)
	serves := spawn(now)
	var end atomic.Bool
	var answers atomic.Int64
	failures := make(chan error, 3)
	for range cap(failures) {
		go func() {
			err := error(nil)
			for !end.Load() && err == nil {
				if err = get(o.Path); err == nil {
					answers.Add(1)
				}
			}
			failures <- err
		}()
	}
	for n := 2; n <= 11; n++ {
		seen := answers.Load()
		eventually(t, "requests go on", func() bool { return answers.Load() > seen+3 || len(failures) > 0 })
		next := published(t, o, n)
		must(t, Drained(t.Context(), now, nil))
		must(t, serves.Process.Signal(syscall.SIGTERM))
		serves.Wait()
		must(t, now.Close())
		now, serves = next, spawn(next)
	}
	end.Store(true)
	for range cap(failures) {
		must(t, <-failures)
	}
}

// get is one request.
func get(path string) error {
	fd, err := dial(path)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if _, err = unix.Write(fd, []byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		return err
	}
	all, b := "", make([]byte, 1000)
	for {
		n, err := unix.Read(fd, b)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		all += string(b[:n])
	}
	if !strings.HasPrefix(all, "HTTP/1.0 200 ") || !strings.HasSuffix(all, "ok") {
		return fmt.Errorf("answer %q", all)
	}
	return nil
}
