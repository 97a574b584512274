package main

import (
	"context"
	"errors"
	"time"

	"keepone/socket"
	"keepone/supervise"
)

// cures counts what was mended since keepone was started. They belong to the
// loop, which hands copies out.
type cures struct {
	Path     int `json:"path"`     // the socket's file was gone, or dead
	Backlog  int `json:"backlog"`  // a backend had made it smaller
	Blocking int `json:"blocking"` // a backend had left O_NONBLOCK behind
	Replaced int `json:"replaced"` // only another generation helped; supervise counts
}

// mend looks after the socket at the public path. What it returns only another
// generation cures.
func (s *site) mend(on supervise.Socket) error {
	s.keepRunDir()
	l := on.(listener).Listener
	cure, err := s.diag.Mend(l, true)
	s.complainOnce(err)
	in := cure.InTheWay
	if s.fixed && cure.Broken != nil { // it is for the init system to make another
		in, cure.Broken = cure.Broken, nil
	}
	if err == nil || in != nil {
		s.wayIs(in)
	}
	if cure == (socket.Cure{}) {
		return nil
	}
	c := *s.cured.Load()
	if cure.Path {
		c.Path++
		if time.Since(s.pathTold) > pathPause {
			s.log("the socket's file %s was gone or dead: it is back (%d times so far)", s.config().Socket.Path, c.Path)
			s.pathTold = time.Now()
		}
	}
	if cure.Backlog {
		c.Backlog++
	}
	s.cured.Store(&c)
	if s.watch != nil {
		s.complainOnce(s.watch.Add(l))
	}
	return cure.Broken
}

// wayIs tells once what somebody put in the socket's way, and once that it is
// gone.
func (s *site) wayIs(in error) {
	was := s.inTheWay.Load()
	if in == nil && was == nil { // as nearly always: no garbage
		return
	}
	text := ""
	if in != nil {
		text = in.Error()
	}
	s.inUse = errors.As(in, new(*socket.InUseError))
	if was != nil && *was == text {
		return
	}
	s.inTheWay.Store(new(text))
	if text == "" {
		s.log("nothing is in the socket's way any more")
		return
	}
	s.log("visitors do not find us: %s", text)
}

// complainOnce tells an error that comes every second once in a row.
func (s *site) complainOnce(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != s.complained {
		s.log("warning: %s", text)
	}
	s.complained = text
}

// watchSocket nudges the loop when something happened to the socket. Without a
// watch the look at every sample remains.
func (s *site) watchSocket(ctx context.Context) {
	for s.watch.Wait(ctx) == nil {
		select {
		case s.trouble <- struct{}{}:
		default: // it is about to look
		}
	}
}

// pathPause lies between two lines of the log about a path that somebody
// removes again and again.
const pathPause = 10 * time.Second

func (s *site) openWatch() {
	var err error
	if s.watch, err = socket.OpenWatch(); err != nil {
		s.log("warning: looking after the socket every second only: %v", err)
	}
}

// watchThese is called after every move: the published socket is looked after.
func (s *site) watchThese(now, next supervise.Socket) {
	if s.watch == nil {
		return
	}
	published := now
	if next != nil {
		published = next
	}
	if l := published.(listener).Listener; l != s.watched {
		s.watched = l
		s.complainOnce(s.watch.Add(l))
	}
}
