package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"keepone/command"
	"keepone/control"
	"keepone/record"
	"keepone/rival"
	"keepone/rss"
	"keepone/store"
	"keepone/supervise"
)

// operates says which requests change something.
func operates(op string) bool { return op != "status" }

// answer carries out one request from the control socket. A caller that goes
// away leaves what it asked for to go on.
func (s *site) answer(ctx context.Context, r control.Request) control.Answer {
	o := supervise.Options{Now: r.Now, NoCheck: r.NoCheck, NoWait: r.NoWait}
	var st supervise.Status
	var pids []int
	var note string
	var err error
	switch r.Op {
	case "status":
		look := supervise.NewLook()
		err = s.loop.Look(look)
		st, pids = look.Status, look.Pids
	case "restart":
		if err = s.errLent(); err == nil {
			st, err = s.loop.Restart(ctx, o)
		}
	case "stop":
		s.want(false)
		st, err = s.loop.Stop(ctx, o)
	case "start":
		if err = s.errLent(); err == nil {
			st, err = s.loop.Start(ctx, o)
		}
	case "take-over":
		st, note, err = s.takeOver(ctx, o, r.Now)
	case "lend":
		st, err = s.lend(ctx, r.PID, o)
	case "take-back":
		st, err = s.giveBack(ctx, r.PID)
	case "upgrade":
		return s.upgrade(ctx)
	case "reload":
		return s.reload(ctx)
	case "reopen":
		return s.reopen(ctx)
	default:
		return control.Answer{Error: fmt.Sprintf("this keepone, version %s, does not know %q", command.Version, r.Op)}
	}
	report := s.report(&st, rss.Self())
	report.Backend.PIDs = pids
	body, broken := json.Marshal(report)
	a := control.Answer{Body: body, Hint: note}
	if err := errors.Join(err, broken); err != nil {
		a.Error, a.Hint = err.Error(), s.advice(r.Op)
	}
	return a
}

// advice is what to do about rivals that are in the way.
func (s *site) advice(op string) string {
	there := readFound(s.target).Rivals
	switch {
	case op != "start" && op != "restart" || s.config().Single.Rivals == "warn" || len(there) == 0:
		return ""
	case op == "restart" || slices.ContainsFunc(there, isWebServer):
		return "end it as said"
	case slices.ContainsFunc(there, func(r rival.Rival) bool { return r.AtPath }):
		return "end it as said, or move the site over without losing a request: keepone start-backend --take-over " + s.name
	}
	return "end it as said, or let keepone start-backend --take-over " + s.name + " do that; with --now also where it cuts off visitors who are served elsewhere"
}

// changed keeps what the next keepone and systemd are to know. A state that
// cannot be written is told once and costs nothing else.
func (s *site) changed(st supervise.Status, now, next supervise.Socket) {
	s.pend(st.PID, st.NextPID)
	s.keepPIDs(st.PID)
	store.Say(statusText(&st)) // news that is lost is followed by other news
	if st.State == supervise.Closing || st.State == supervise.Stopping {
		more := s.config().Drain.Timeout + s.config().Stop.Timeout
		store.Say(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", more.Microseconds()))
	}
	rests := st.State == supervise.Up || st.State == supervise.Down || st.State == supervise.Blocked
	if rests || st.State == supervise.Backoff && time.Until(st.Until) >= time.Second {
		s.trim() // nothing happens for a while
	}
	s.blocks(st.State)
	s.beyondRepair(&st)
	s.watchThese(now, next)
	s.keepStored(st.PID, now, next)
	s.latest, s.serving = s.record(st, now, next), append(s.serving[:0], now.(listener))
	if next != nil {
		s.serving = append(s.serving, next.(listener))
	}
	err := record.Write(s.target.state(), s.latest)
	if err != nil && s.unwritten == nil {
		s.log("warning: %v", err)
	}
	s.unwritten = err
}

func (s *site) record(st supervise.Status, now, next supervise.Socket) record.State {
	r := record.State{
		Phase: st.State.String(), Restarts: st.Restarts, LastExit: st.LastExit, Failures: st.Failures, Upgrades: s.upgrades, Supervisor: *s.identify(os.Getpid()), Turn: s.turn.Load(),
		Config: s.digest(st.PID), Command: s.commandOf(st.PID),
		Backend: s.identify(st.PID), Holder: s.identify(st.NextPID),
		Socket: record.Socket{Generation: now.Generation(), Inode: now.(listener).SockIno()},
	}
	if st.Leaving { // killed now, the next keepone starts a backend as at any boot
		r.Phase = "leaving"
	}
	if st.Last.Reason != "" {
		r.Last = &record.Event{Reason: string(st.Last.Reason), Exit: st.Last.Exit, At: st.Last.At}
	}
	if next != nil {
		r.Next = &record.Socket{Generation: next.Generation(), Inode: next.(listener).SockIno()}
	}
	return r
}

// identify is nil for no process. What was identified since the latest spawn
// is not asked again: a child keeps its number until we reap it.
func (s *site) identify(pid int) *record.Process {
	if pid == 0 {
		return nil
	}
	if p, ok := s.identified[pid]; ok {
		return &p
	}
	p, err := record.Identify(pid)
	if err != nil { // gone already: a process without a start time is nobody
		p = record.Process{PID: pid}
	}
	s.identified[pid] = p
	return &p
}
