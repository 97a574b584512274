package e2e

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTCPStatus: who waits and who is served at an address is counted as at a Unix socket, by every command that tells it.
// An address has no owner and no mode, and none is told.
func TestTCPStatus(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["memory.sample"] = "100ms"
	at := freeAddress(t, "127.0.0.1")
	s := newRunningSite(t, plan{front: "nginx", command: append(command, "one-at-a-time"), at: at, settings: set})
	stuck, answers := make(chan outcome, 1), make(chan outcome, 3)
	go func() { stuck <- ask(newClient(), s.url, "/sleep?ms=600000") }()
	first := s.awaitThat("it is served", func(st state) bool { return st.Queue.Active == 1 }).Backend.PID
	for range cap(answers) {
		go func() { answers <- ask(newClient(), s.url, "/fast") }()
	}
	st := s.awaitThat("one is served and three wait", func(st state) bool { return st.Queue.Active == 1 && st.Queue.Pending == 3 })
	if st.Socket.Path != at || st.Socket.Mode != "" || st.Queue.Backlog != 4096 {
		t.Errorf("%+v %+v", st.Socket, st.Queue)
	}
	s.awaitFigures("the one who is served grows older", 30*time.Second, func(f figures) bool { return f.Queue.Oldest > 0 })
	if text := s.do("status").out; !strings.Contains(text, at+", generation 1\n") || !strings.Contains(text, "3 pending") {
		t.Errorf("status:\n%s", text)
	}
	if raw := s.do("status", "--json").out; strings.Contains(raw, `"owner"`) || strings.Contains(raw, `"mode"`) {
		t.Errorf("status --json tells an owner or a mode:\n%s", raw)
	}
	if out := s.do("status", "--nagios").out; !strings.Contains(out, "pending=3;") || !strings.Contains(out, "active=1;") {
		t.Errorf("status --nagios: %s", out)
	}
	all := parse(t, s, s.do("metrics").out)
	if p, a := value(t, all, "keepone_queue_pending"), value(t, all, "keepone_queue_active"); p != 3 || a != 1 {
		t.Errorf("metrics: %v pending, %v active", p, a)
	}
	s.kill(first)
	<-stuck
	for range cap(answers) {
		if o := <-answers; o.err != nil || o.backend == first {
			t.Errorf("who waited was answered by %d, %v", o.backend, o.err)
		}
	}
	s.awaitThat("nobody is left", func(st state) bool { return st.Queue.Active == 0 && st.Queue.Pending == 0 })
}

// startGiven starts keepone as an init system does that listens at the socket itself: sd_listen_fds(3).
func (s *site) startGiven(listening *os.File) {
	s.t.Helper()
	out, err := os.OpenFile(filepath.Join(s.dir, "keepone.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	s.must(err)
	defer out.Close()
	p := &process{log: out.Name(), exited: make(chan struct{})}
	p.cmd = exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`, keepone, "run", "-c", s.config, "--run-dir", s.run)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr, p.cmd.ExtraFiles = s.environ(), out, out, []*os.File{listening}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.must(p.cmd.Start())
	go func() { _ = p.cmd.Wait(); close(p.exited) }() // the exit code is read from ProcessState
	s.supervisor, s.groups = p, append(s.groups, p.pid())
}

// TestTCPGiven: a TCP socket that an init system listens at, as of a socket unit, is served where it is bound, whatever the
// configuration says, and is there before and after keepone. That it is every address, IPv6 and IPv4, is systemd's own way.
func TestTCPGiven(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "::"} {
		t.Run(ip, func(t *testing.T) {
			t.Parallel()
			command, set := backend(t, "web.py")
			at := freeAddress(t, ip)
			bound, err := netip.ParseAddrPort(strings.TrimPrefix(at, "tcp://"))
			s := newSite(t, plan{front: "nginx", command: command, at: "tcp://127.0.0.1:" + itoa(int(bound.Port())), settings: set})
			s.must(err)
			s.given = true
			var plain net.ListenConfig
			plain.SetMultipathTCP(false)
			l, err := plain.Listen(t.Context(), "tcp", bound.String())
			s.must(err)
			listening, err := l.(*net.TCPListener).File()
			s.must(err, l.Close())
			defer listening.Close()
			set["socket.path"] = filepath.Join(s.run, "not.this")
			s.configure(set)
			s.startWeb()
			early := make(chan outcome, 1) // before there was a keepone
			go func() { early <- ask(newClient(), s.url, "/fast") }()
			s.startGiven(listening)
			if st := s.await("up"); st.Socket.Path != at {
				t.Errorf("it serves at %s, and %s was given", st.Socket.Path, at)
			}
			if o := <-early; o.err != nil {
				t.Error(o.err)
			}
			if text := s.do("status").out; !strings.Contains(text, "given by the init system") {
				t.Errorf("status:\n%s", text)
			}
			s.stopAndGo(listening)
		})
	}
}

// stopAndGo restarts the backend of a given socket, kills keepone, and stops and starts it.
func (s *site) stopAndGo(listening *os.File) {
	s.t.Helper()
	before := s.await("up").Backend.PID
	s.do("restart-backend")
	now := s.await("up").Backend.PID
	if o := s.get("/fast"); now == before || o.backend != now {
		s.t.Errorf("backend %d before, %d after the restart, and %d answered", before, now, o.backend)
	}
	s.killKeepone()
	s.get("/fast")
	s.startGiven(listening)
	if again := s.await("up"); again.Backend.PID != now {
		s.t.Errorf("backend %d, and %d after an adoption", now, again.Backend.PID)
	}
	s.stopKeepone()
	waits := make(chan outcome, 1)
	go func() { waits <- ask(newClient(), s.url, "/fast") }()
	s.startGiven(listening)
	if o := <-waits; o.err != nil {
		s.t.Errorf("who came while no keepone ran: %v", o.err)
	}
}
