package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"keepone/command"
	"keepone/control"
	"keepone/process"
	"keepone/record"
	"keepone/resident"
	"keepone/supervise"
)

// trimInterval is how often the resident gives memory back.
const trimInterval = 30 * time.Second

// run is the resident: it wires the packages together and returns when the
// backend is down. What can be refused is refused before anything is touched
// that a running site could notice.
func run(args []string) error {
	t, load, how, err := runArguments(args)
	if err != nil {
		return err
	}
	if how.trial {
		return trial(t, load)
	}
	s, left, err := begin(t, load)
	if err != nil {
		return err
	}
	defer s.lockFile.Close()
	s.tenure = how.tenure
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	// A reader of our stderr that went away must not end us. Not Ignore: the
	// backend would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	written := make(chan struct{})
	go s.write(written)
	defer s.flush(written)
	os.WriteFile("/proc/self/comm", []byte("keepone"), 0) // it is "exe" since Reexec
	s.spawner, s.look = s.newSpawner(), newLook(s.config().Hang.Timeout)
	s.openGauge(left)
	s.rivals.newcomers.open()
	go s.spawner.Reaper.Run(ctx)
	err = s.open(left)
	left.close()
	if err != nil {
		return errors.Join(err, s.close())
	}
	s.serve(ctx, left.state.Turn)
	s.lastWords() // what the backend said at its end goes where the rest went
	s.closeGauge()
	closed := s.close() // before the directory goes, in which the control socket is
	s.clear()
	return s.outcome(closed)
}

// serve runs until a signal says stop and the backend is down.
func (s *site) serve(ctx context.Context, lent *record.Turn) {
	if err := process.AdoptOrphans(); err != nil {
		s.log("warning: %v", err)
	}
	s.loop = supervise.New(s.kernel(), s.adapt(s.socket))
	s.former.Seen = s.seen
	s.resumeTurn(lent)
	s.loop.Resume(s.former)
	if s.alerts.Waiting != "" {
		s.tellLater(time.Now())
	}
	if s.openWatch(); s.watch != nil {
		go s.watchSocket(ctx)
	}
	go s.output.Run(ctx)
	go resident.Trim(ctx, trimInterval, s.nudge, s.tooHeavy)
	go s.slim(ctx)
	go s.keepWall(ctx)
	go s.watchRivals(ctx)
	s.serveControl = func(server *control.Server) { go s.listen(ctx, server) }
	s.serveControl(s.control.Load())
	switch {
	case s.seen == nil && s.former.Next == nil && !s.socket.Published():
		s.log("somebody else listens at %s: waiting until it is free", s.config().Socket.Path)
	case s.seen == nil:
		s.log("listening at %s", s.config().Socket.Path)
	default:
		s.log("version %s goes on in place with the same backend", command.Version)
	}
	if s.seen == nil {
		s.explainStop()
	}
	notify(daemon.SdNotifyReady)
	leave, left := context.WithCancel(ctx)
	defer left()
	s.leaving, s.leave = leave, left
	go s.signals(ctx, left)
	s.loop.Run(leave)
	s.log("stopped")
}

// listen answers on the control socket.
func (s *site) listen(ctx context.Context, server *control.Server) {
	if err := server.Serve(ctx, operates, s.answer, s.newQuickStatus().answer); err != nil {
		s.log("keepone can be asked nothing any more: %v", err)
	}
}
