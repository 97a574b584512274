package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"keepone/config"
	"keepone/hang"
	"keepone/probe"
	"keepone/socket"
	"keepone/supervise"
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
	go func() {
		told := make(chan string, 1)
		go func() { told <- hang.Stacks(pids) }()
		select {
		case text := <-told:
			for line := range strings.Lines(text) {
				b.site.log("hung: %s", strings.TrimSuffix(line, "\n"))
			}
		case <-time.After(time.Second):
		}
		if err := b.Signal(signal); err != nil {
			b.site.log("%v", err)
		}
	}()
	return nil
}

// question is what the probe asks; ready.by = "values" asks the FastCGI library
// alone.
func question(c *config.Config, values bool) (*probe.Probe, error) {
	p := c.Probe
	status, err := probe.ParseStatuses(p.Status)
	if err != nil {
		return nil, fmt.Errorf("cannot use probe.status: %w", err)
	}
	r := probe.Request{Protocol: c.Backend.Protocol, Method: p.Method, Path: p.Path, Host: p.Host, Script: p.Script, Status: status}
	switch {
	case values:
		r.Protocol = probe.FastCGIValues
	case c.Backend.Protocol != probe.FastCGI && c.Backend.Protocol != probe.HTTP:
		return nil, nil // a configuration that asks nothing: config has seen to that
	}
	asks, err := probe.New(r)
	if err != nil {
		return nil, fmt.Errorf("cannot use [probe]: %w", err)
	}
	return asks, nil
}

// askBackend sends one request over a connection of our own.
func (s *site) askBackend(ctx context.Context, l *socket.Listener, values bool) error {
	c := s.config()
	asks, err := question(c.Config, values)
	if err != nil {
		return err
	}
	fd, err := l.Connect()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Probe.Timeout)
	defer cancel()
	return asks.Ask(ctx, fd)
}

// probe asks a backend that has no other request. Where one comes meanwhile and
// no answer does, that says nothing: the backend may take one at a time.
func (s *site) probe(ctx context.Context, on supervise.Socket, _ supervise.Backend) error {
	l := on.(listener).Listener
	d, err := socket.OpenDiag()
	if err != nil {
		return supervise.ErrBusy
	}
	defer d.Close()
	if q, err := d.Queue(l); err != nil || q.Active+q.Pending > 0 {
		return supervise.ErrBusy
	}
	err = s.askBackend(ctx, l, false)
	if errors.Is(err, context.DeadlineExceeded) {
		if q, failed := d.Queue(l); failed != nil || q.Active+q.Pending > 0 {
			return supervise.ErrBusy
		}
	}
	return err
}

// untilAnswered asks until the answer is as expected: a backend that starts may
// say 503 for a while, or close what it cannot serve yet.
func (s *site) untilAnswered(ctx context.Context, l *socket.Listener, values bool) error {
	said := ""
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := s.askBackend(ctx, l, values)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if text := err.Error(); text != said {
			said = text
			s.log("not ready: %s", text)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// openNotify makes the socket at which the backend says that it is ready. It is
// there whether ready.by wants it or not yet: a reload may.
func (s *site) openNotify() error {
	if s.config().Ready.By != "notify" || s.notify != nil {
		return nil
	}
	uid, gid, _, err := s.config().Credentials()
	if err != nil {
		return err
	}
	if s.notify, err = probe.ListenNotify(s.notifySocket(), uid, gid); err != nil {
		return err
	}
	return nil
}

// saysReady waits for READY=1 from the backend or a process of its own.
func (s *site) saysReady(ctx context.Context, from backend) error {
	if s.notify == nil {
		return fmt.Errorf("cannot hear READY=1: %w", os.ErrNotExist)
	}
	return s.notify.Ready(ctx, func(pid int) bool {
		for _, member := range from.Members() {
			if member == pid {
				return true
			}
		}
		return false
	})
}
