package main

import (
	"errors"
	"os"

	"keepone/config"
	"keepone/control"
	"keepone/output"
	"keepone/socket"
)

// open makes everything, the published socket last: from then on visitors wait
// instead of being refused.
func (s *site) open(left *legacy) error {
	if s.seen == nil { // else the former program has said so
		for _, w := range append(s.config().Warnings(), oddLimits(s.config().Config, s.config().room), oddHistory(s.config().Config)) {
			if w != "" {
				s.log("warning: %s", w)
			}
		}
	}
	var err error
	if s.diag, err = socket.OpenDiag(); err != nil {
		return err
	}
	if err := s.openOutput(); err != nil {
		return err
	}
	if err := s.openControl(left.control); err != nil {
		return err
	}
	if err := s.openNotify(); err != nil {
		return err
	}
	return s.openSocket(left)
}

func (s *site) openOutput() error {
	uid, gid, _, err := s.config().Credentials()
	if err != nil {
		return err
	}
	s.output, err = output.Open(output.Options{
		FIFO: s.target.output(), UID: uid, GID: gid, Target: s.config().outputTarget(),
	})
	return err
}

// openControl goes on with the listening socket of an estate, where there is one.
func (s *site) openControl(inherited int) error {
	access, err := controlAccess(s.config().Config)
	if err != nil {
		return err
	}
	server, err := control.Listen(s.target.control(), access, inherited)
	if err == nil {
		s.control.Store(server)
	}
	return err
}

func controlAccess(c *config.Config) (control.Access, error) {
	read, operate, err := c.ControlAccess()
	return control.Access{Read: control.Grant(read), Operate: control.Grant(operate)}, err
}

func (s *site) openSocket(left *legacy) error {
	options, err := s.socketOptions()
	if err != nil {
		return err
	}
	if inherited, err := s.inherit(left, options); inherited {
		return err
	} else if err != nil && !errors.Is(err, socket.ErrUnpublished) { // it was blocked: nobody waits there
		return err
	}
	if err := s.nobodyLeft(); err != nil {
		return err
	}
	s.former = left.book()
	if s.fixed {
		s.socket, err = socket.Adopt(options, 1, left.sockets[0])
		left.sockets = nil
		return err
	}
	err = socket.Prepare(options)
	inUse := errors.As(err, new(*socket.InUseError))
	if err != nil && !inUse {
		return err
	}
	if inUse { // the loop says who is there, and waits until they are gone
		s.socket, err = socket.Reserve(options, 1)
		return err
	}
	if s.socket, err = socket.Bind(options, 1); err != nil {
		return err
	}
	return s.socket.Publish()
}

func (s *site) socketOptions() (socket.Options, error) {
	s.bound.Store(s.config()) // what is made now is made with this
	uid, gid, err := s.config().SocketOwner()
	c := s.config().Socket
	return socket.Options{Path: c.Path, UID: uid, GID: gid, Mode: os.FileMode(c.Mode), Backlog: c.Backlog}, err
}
