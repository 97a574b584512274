package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"keepone/control"
	"keepone/record"
	"keepone/supervise"
)

// operates says which requests change something.
func operates(op string) bool { return op != "status" }

// answer carries out one request from the control socket. A caller that goes
// away leaves what it asked for to go on.
func (s *site) answer(ctx context.Context, r control.Request) control.Answer {
	o := supervise.Options{Now: r.Now, NoCheck: r.NoCheck, NoWait: r.NoWait}
	var st supervise.Status
	var err error
	switch r.Op {
	case "status":
		st, err = s.loop.Status(ctx)
	case "restart":
		st, err = s.loop.Restart(ctx, o)
	case "stop":
		st, err = s.loop.Stop(ctx, o)
	case "start":
		st, err = s.loop.Start(ctx, o)
	default:
		return control.Answer{Error: fmt.Sprintf("this keepone, version %s, does not know %q", version, r.Op)}
	}
	body, broken := json.Marshal(s.report(st))
	a := control.Answer{Body: body}
	if err := errors.Join(err, broken); err != nil {
		a.Error = err.Error()
	}
	return a
}

// changed keeps what the next keepone and systemd are to know. A state that
// cannot be written is told once and costs nothing else.
func (s *site) changed(st supervise.Status, now, next supervise.Socket) {
	notify("STATUS=" + st.State.String() + ": " + st.Why)
	if st.State == supervise.Closing || st.State == supervise.Stopping {
		more := s.config.Drain.Timeout + s.config.Stop.Timeout
		notify(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", more.Microseconds()))
	}
	err := record.Write(s.target.state(), s.record(st, now, next))
	if err != nil && s.unwritten == nil {
		s.log("warning: %v", err)
	}
	s.unwritten = err
}

func (s *site) record(st supervise.Status, now, next supervise.Socket) record.State {
	r := record.State{
		Phase: st.State.String(), Restarts: st.Restarts,
		Backend: identify(st.PID), Holder: identify(st.NextPID),
		Socket: record.Socket{Generation: now.Generation(), Inode: now.(listener).SockIno()},
	}
	if self := identify(os.Getpid()); self != nil {
		r.Supervisor = *self
	}
	if next != nil {
		r.Next = &record.Socket{Generation: next.Generation(), Inode: next.(listener).SockIno()}
	}
	return r
}

// identify is nil for no process, and for one that is gone already.
func identify(pid int) *record.Process {
	if pid == 0 {
		return nil
	}
	p, err := record.Identify(pid)
	if err != nil {
		return nil
	}
	return &p
}
