package main

import (
	"errors"
	"io/fs"

	"keepone/process"
	"keepone/socket"
	"keepone/supervise"
)

// A listener is a socket.Listener as the loop wants it.
type listener struct {
	*socket.Listener
	diag *socket.Diag // of the loop's goroutine
}

func (s *site) adapt(l *socket.Listener) listener { return listener{l, s.diag} }

func (l listener) Publish() error { return l.Listener.Publish() }

// Queue leaves out those who wait at a socket that was shut down: nobody can
// accept them any more.
func (l listener) Queue() (supervise.Queue, error) {
	q, err := l.diag.Queue(l.Listener)
	if l.Fd() < 0 && errors.Is(err, fs.ErrNotExist) {
		return supervise.Queue{}, nil // a foreign one, gone with its last holder
	}
	if q.ShutDown {
		q.Pending = 0
	}
	return supervise.Queue{Pending: q.Pending, Active: q.Active, Backlog: q.Backlog, Shared: l.Shared()}, err
}

// A backend is a process.Process as the loop wants it.
type backend struct {
	*process.Process
	site    *site
	made    *view // what it was made with; where it was adopted, the configuration of then
	adopted bool
	exits   chan supervise.Exit
}

func (b backend) Exited() <-chan supervise.Exit { return b.exits }

func (s *site) newBackend(p *process.Process, adopted bool) backend {
	b := backend{p, s, s.config(), adopted, make(chan supervise.Exit, 1)}
	go func() {
		e, ok := <-p.Exited()
		if !ok { // a rival that was not taken over
			return
		}
		exit := supervise.Exit{Text: e.Text, Clean: e.Clean, Killed: e.Killed || e.Unknown}
		if e.Blocked {
			exit.Blocked = e.Text
		}
		b.exits <- exit
	}()
	return b
}
