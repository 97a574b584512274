package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"keepone/command"
	"keepone/process"
	"keepone/socket"
)

// inherit takes back the sockets that a killed keepone published, and the
// backend that serves them. It returns false where there is nothing to take:
// then everything begins anew.
func (s *site) inherit(l *legacy, options socket.Options) (bool, error) {
	switch {
	case l.backend >= 0 && !process.Ended(l.backend):
		return true, s.inheritBackend(l, options)
	case l.holder >= 0 || l.kept(l.state.Socket) >= 0:
		err := s.inheritWaiting(l, options)
		return !errors.Is(err, socket.ErrUnpublished), err
	}
	return false, nil
}

// inheritBackend adopts the backend with its socket, and the next one where new
// requests do not come to that any more: it was draining.
func (s *site) inheritBackend(l *legacy, options socket.Options) error {
	p, err := s.adoptBackend(l)
	if err != nil {
		return err
	}
	l.backend = -1 // it is the process' now
	if s.socket, err = l.retrieve(options, l.state.Socket, p.Members()); errors.Is(err, fs.ErrPermission) {
		s.socket, err = socket.Foreign(options, l.state.Socket.Generation, l.state.Socket.Inode)
		s.log("the former keepone's socket stays with its backend, which is drained to another: an ordinary user may not take it")
		l.untaken = true
	}
	if err != nil {
		return fmt.Errorf("%w; the backend of the former keepone still serves: end it with kill %d, then run keepone again", err, p.PID())
	}
	s.former = l.book()
	s.former.WasUp, s.former.Own = l.state.Phase != "starting" && l.state.Phase != "", l.child
	s.former.Replace = l.untaken || !l.child && s.config().Single.Adopt == "replace"
	s.former.Backend, s.former.Started, s.former.Peak = s.newBackend(p, true), l.state.Backend.Started(), s.gauge.scale.Peak()
	s.adopted, s.adoptedAs = l.state.Config, l.state.Command
	if l.untaken || !s.socket.Published() {
		next, err := s.inheritNext(l, options)
		switch {
		case !l.untaken && errors.As(err, new(*socket.InUseError)): // he is told, and the path is ours again when he is gone
		case err != nil:
			return err
		default:
			s.former.Next = s.adapt(next)
		}
	}
	if l.holder >= 0 { // its socket is ours by now, or was never published
		err = unix.PidfdSendSignal(l.holder, unix.SIGKILL, nil, 0)
	}
	s.spawner.Sweep(p)
	if !l.child {
		s.log("adopted the backend of a former keepone, process %d", p.PID())
	}
	return err
}

// inheritNext takes the next generation back from the shim that holds it. Where
// that died too, or somebody removed the socket's file, another is published.
func (s *site) inheritNext(l *legacy, options socket.Options) (*socket.Listener, error) {
	generation := l.state.Socket.Generation + 1
	if l.state.Next != nil {
		next, err := l.retrieve(options, *l.state.Next, l.holders())
		if err == nil {
			return next, nil
		}
		generation = l.state.Next.Generation + 1
	}
	if err := socket.Prepare(options, l.backends()...); err != nil {
		return nil, err
	}
	next, err := socket.Bind(options, generation)
	if err != nil {
		return nil, err
	}
	return next, next.Publish(l.backends()...)
}

// inheritWaiting takes the socket of a keepone that is dead, or was replaced,
// and had no backend any more, from the shim that held it, or from who kept it:
// whoever waits there is served.
func (s *site) inheritWaiting(l *legacy, options socket.Options) error {
	s.former = l.book()
	waiting := l.state.Socket
	var err error
	if next := l.state.Next; next != nil && l.kept(waiting) >= 0 { // who waits at the old one is served first
		taken, err := l.retrieve(options, *next, l.holders())
		if err != nil {
			return err
		}
		s.former.Next = s.adapt(taken)
	} else if next != nil {
		waiting = *next
	}
	if s.socket, err = l.retrieve(options, waiting, l.holders()); err != nil {
		return err
	}
	if !s.socket.Published() && s.former.Next == nil && !s.fixed {
		next, err := s.inheritNext(l, options)
		switch {
		case errors.As(err, new(*socket.InUseError)): // the loop waits until whoever is there is gone
		case err != nil:
			return err
		default:
			s.former.Next = s.adapt(next)
		}
	}
	if l.holder >= 0 {
		s.log("took the socket back from a waiting shim, process %d", l.state.Holder.PID)
		err = unix.PidfdSendSignal(l.holder, unix.SIGKILL, nil, 0)
	}
	return errors.Join(err, s.nobodyLeft())
}

// nobodyLeft ends what dead backends left behind, as their keepone would have
// done. Whoever lives all the same is in the way: never a second interpreter.
func (s *site) nobodyLeft() error {
	if s.seen != nil { // nothing but what the former program knew; a rival is the lock's to refuse
		return nil
	}
	pids := s.spawner.EndFormer()
	if len(pids) == 0 {
		return nil
	}
	return command.Fail(command.Failed, fmt.Sprintf("end them with: kill -9 %s", strings.Trim(fmt.Sprint(pids), "[]")),
		fmt.Errorf("cannot run %s: processes of a former backend still live: %v", s.name, pids))
}
