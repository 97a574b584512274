package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// state is what `keepone status --json` says.
type state struct {
	Name, Version, State string
	Backend              struct {
		PID     int
		RSS     int64 `json:"rss_bytes"`
		Peak    int64 `json:"peak_rss_bytes"`
		Adopted bool
	}
	Supervisor struct {
		PID      int
		RSS      int64 `json:"rss_bytes"`
		Upgrades int
	}
	Socket struct {
		Path, Mode string
		Generation int
	}
	Queue  struct{ Pending, Active, Backlog int }
	Memory struct {
		Samples int
		Hard    int64 `json:"hard_bytes"`
	}
	Pending  []string
	Restarts struct {
		Total int
		Last  struct{ Reason, Exit string }
	}
	LastWords string `json:"last_words"`
	LastExit  string `json:"last_exit"`
	Health    string
	Excusing  bool
	Cures     struct{ Path, Backlog, Blocking, Replaced int }
	InTheWay  string `json:"in_the_way"`
	Why       string
	Rivals    []otherInterpreter
	Job       int `json:"job_pid"`
}

// answer is what a command printed and its exit code.
type answer struct {
	out, err string
	code     int
}

// command runs keepone with arguments of its own choice.
func (s *site) command(args ...string) answer {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	var out, err bytes.Buffer
	cmd := exec.CommandContext(ctx, keepone, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = s.environ(), &out, &err, time.Second
	var exit *exec.ExitError
	if e := cmd.Run(); e != nil && !errors.As(e, &exit) {
		s.t.Fatalf("keepone %s: %v", strings.Join(args, " "), e)
	}
	return answer{out.String(), err.String(), cmd.ProcessState.ExitCode()}
}

// keepone runs a command on the site.
func (s *site) keepone(verb string, args ...string) answer {
	s.t.Helper()
	return s.command(append([]string{verb, "-c", s.config, "--run-dir", s.run}, args...)...)
}

// do runs a command on the site that must succeed.
func (s *site) do(verb string, args ...string) answer {
	s.t.Helper()
	a := s.keepone(verb, args...)
	if a.code != 0 {
		s.t.Fatalf("keepone %s ended with %d\n%s%s", verb, a.code, a.out, a.err)
	}
	return a
}

// status asks for the state; ok is false while keepone does not answer.
func (s *site) status() (st state, ok bool) {
	s.t.Helper()
	a := s.keepone("status", "--json")
	if a.out == "" {
		return st, false
	}
	if err := json.Unmarshal([]byte(a.out), &st); err != nil {
		s.t.Fatalf("cannot read status: %v\n%s", err, a.out)
	}
	return st, st.State != ""
}

// await waits until keepone is in a state and returns it.
func (s *site) await(name string) state {
	s.t.Helper()
	return s.awaitThat("state is "+name, func(st state) bool { return st.State == name })
}

// awaitThat waits until status is as wanted.
func (s *site) awaitThat(what string, ok func(state) bool) (st state) {
	s.t.Helper()
	await(s.t, 30*time.Second, what, func() bool {
		if s.supervisor != nil && !s.supervisor.alive() {
			s.t.Fatalf("keepone has exited while waiting until %s", what)
		}
		now, answered := s.status()
		st = now
		return answered && ok(now)
	})
	return st
}

// connect opens a connection to the listening socket, as a web server does.
func (s *site) connect() (net.Conn, error) {
	if at, tcp := strings.CutPrefix(s.socket, "tcp://"); tcp {
		return net.Dial("tcp", at)
	}
	return net.Dial("unix", s.socket)
}

// knock connects every few milliseconds until stopped and returns how often, and the first refusal.
func (s *site) knock(t *testing.T, pause time.Duration) (stop func() (int, error)) {
	t.Helper()
	quit, done := make(chan struct{}), make(chan struct{})
	count, first := 0, error(nil)
	go func() {
		defer close(done)
		for {
			c, err := s.connect()
			if err != nil {
				first = errors.Join(first, err)
				return
			}
			c.Close()
			count++
			select {
			case <-quit:
				return
			case <-time.After(pause):
			}
		}
	}()
	return func() (int, error) {
		close(quit)
		<-done
		return count, first
	}
}

// waiting tells whether a connection is still open and unanswered.
func waiting(t *testing.T, c net.Conn) bool {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	var peek error
	if err := raw.Control(func(fd uintptr) {
		n, _, peek = syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	}); err != nil {
		t.Fatal(err)
	}
	return n <= 0 && errors.Is(peek, syscall.EAGAIN)
}

func itoa(n int) string { return strconv.Itoa(n) }
