package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"keepone/config"
	"keepone/hang"
	"keepone/probe"
	"keepone/socket"
	"keepone/supervise"

	"golang.org/x/sys/unix"
)

// A look is what keepone uses to see from outside whether a backend hangs. It
// belongs to the loop.
type look struct {
	watch *hang.Watch
	cpu   *hang.CPU
	of    uint64 // the listening socket that is looked at
}

func newLook(timeout time.Duration) *look {
	return &look{watch: hang.New(timeout), cpu: hang.NewCPU()}
}

// stuck is asked at every sample. Who cannot be looked at does not hang.
func (s *site) stuck(on supervise.Socket, pids []int) bool {
	l := on.(listener)
	if l.SockIno() != s.look.of {
		s.look.watch.Reset()
		s.look.of = l.SockIno()
	}
	busy, err := s.diag.Busy(l.Listener)
	if err != nil {
		return false
	}
	var used time.Duration
	if busy.Pending > 0 {
		if used, err = s.look.cpu.Used(pids); err != nil {
			return false
		}
	}
	return s.look.watch.Observe(time.Now(), busy.Pending, busy.Set, used)
}

// Abort tells the log where every thread of the backend is, and sends the
// signal that makes it say so itself. Reading its stacks may wait for it, so
// that is not done on the loop's goroutine.
func (b backend) Abort() error {
	pids, signal := b.Members(), b.site.config().Hang.Signal
	pidfd, err := b.Pidfd() // of our own: the backend may be gone when it is needed
	if err != nil {
		return err
	}
	told := make(chan string, 1)
	go func() { told <- hang.Stacks(pids) }()
	go func() {
		defer unix.Close(pidfd)
		select {
		case text := <-told:
			for line := range strings.Lines(text) {
				b.site.log("hung: %s", strings.TrimSuffix(line, "\n"))
			}
		case <-time.After(time.Second):
		}
		if err := unix.PidfdSendSignal(pidfd, signal, nil, 0); err != nil && err != unix.ESRCH {
			b.site.log("cannot send %s to process %d: %v", unix.SignalName(signal), b.PID(), err)
		}
	}()
	return nil
}

var errNoQuestion = errors.New("nothing can be asked in the backend's protocol")

// question is what the probe asks in a protocol; ready.by = "values" asks the
// FastCGI library alone.
func question(c *config.Config, protocol string, values bool) (*probe.Probe, error) {
	p := c.Probe
	status, err := probe.ParseStatuses(p.Status)
	if err != nil {
		return nil, fmt.Errorf("cannot use probe.status: %w", err)
	}
	r := probe.Request{Protocol: protocol, Method: p.Method, Path: p.Path, Host: p.Host, Script: p.Script, Status: status}
	switch {
	case values:
		r.Protocol = probe.FastCGIValues
	case protocol != probe.FastCGI && protocol != probe.HTTP:
		return nil, errNoQuestion
	}
	asks, err := probe.New(r)
	if err != nil {
		return nil, fmt.Errorf("cannot use [probe]: %w", err)
	}
	return asks, nil
}

// askBackend sends one request over a connection of our own.
func askBackend(ctx context.Context, l *socket.Listener, asks *probe.Probe, timeout time.Duration) error {
	fd, err := l.Connect()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return asks.Ask(ctx, fd)
}

// probe asks a backend that has no other request. Where one comes meanwhile and
// no answer does, that says nothing: the backend may take one at a time.
func (s *site) probe(ctx context.Context, on supervise.Socket, from supervise.Backend) error {
	l, c := on.(listener).Listener, s.config()
	asks, err := question(c.Config, from.(backend).made.Backend.Protocol, false)
	if err != nil {
		return supervise.ErrBusy
	}
	if busy(l) {
		return supervise.ErrBusy
	}
	err = askBackend(ctx, l, asks, c.Probe.Timeout)
	if errors.Is(err, context.DeadlineExceeded) && busy(l) {
		return supervise.ErrBusy
	}
	return err
}

// busy says whether the backend has requests, or may have.
func busy(l *socket.Listener) bool {
	d, err := socket.OpenDiag()
	if err != nil {
		return true
	}
	defer d.Close()
	q, err := d.Queue(l)
	return err != nil || q.Active+q.Pending > 0
}

// untilAnswered asks until the answer is as expected: a backend that starts may
// say 503 for a while, or close what it cannot serve yet. One that is busy with
// visitors and takes one at a time serves.
func (s *site) untilAnswered(ctx context.Context, l *socket.Listener, from backend, values bool) error {
	c := s.config()
	asks, err := question(c.Config, from.made.Backend.Protocol, values)
	if err != nil {
		return err
	}
	said := ""
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := askBackend(ctx, l, asks, c.Probe.Timeout)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if errors.Is(err, socket.ErrSuperseded) { // there is only a queue to serve, and no way to ask
			return socket.Ready(ctx, l)
		}
		if errors.Is(err, context.DeadlineExceeded) && taken(l) {
			s.log("ready: no answer to the probe, but to visitors")
			return nil
		}
		if text := err.Error(); text != said {
			said = text
			s.unready.Store(&text)
			s.log("not ready: %s", text)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// taken says that the backend has accepted connections that are not ours.
func taken(l *socket.Listener) bool {
	d, err := socket.OpenDiag()
	if err != nil {
		return false
	}
	defer d.Close()
	q, err := d.Queue(l)
	return err == nil && q.Active > 0
}

// whyUnready is what the latest look at a starting backend got.
func (s *site) whyUnready() string {
	if text := s.unready.Swap(nil); text != nil {
		return ": " + *text
	}
	return ""
}

// openNotify makes the socket at which a backend says that it is ready, once
// ready.by asks for it.
func (s *site) openNotify() error {
	if s.config().Ready.By != "notify" || s.notify.Load() != nil {
		return nil
	}
	uid, gid, _, err := s.config().Credentials()
	if err != nil {
		return err
	}
	n, err := probe.ListenNotify(s.notifySocket(), uid, gid)
	if err == nil {
		s.notify.Store(n)
	}
	return err
}

// saysReady waits for READY=1 from the backend or a process of its own.
func (s *site) saysReady(ctx context.Context, from backend) error {
	n := s.notify.Load()
	if n == nil {
		return fmt.Errorf("cannot hear READY=1: %w", os.ErrNotExist)
	}
	text := "READY=1 has not come"
	s.unready.Store(&text)
	return n.Ready(ctx, func(pid int) bool { return slices.Contains(from.Members(), pid) })
}
