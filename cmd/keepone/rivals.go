package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"keepone/process"
	"keepone/record"
	"keepone/rival"
)

// search is what is looked for now. It is asked for on several goroutines, so it
// takes nothing from the spawner, which is the loop's.
func (s *site) search() (search, error) {
	c := s.config()
	env, err := c.Environ()
	if err != nil {
		return search{}, err
	}
	uid, _, _, err := c.Credentials()
	if err != nil {
		return search{}, err
	}
	w := rival.Wanted{
		Argv: c.Backend.Command, Env: env, Dir: c.Backend.Directory, Socket: c.Socket.Path,
		Lock: s.backendLock(), Own: []int{os.Getpid()},
	}
	if mark, err := process.Mark(s.runDir); err == nil { // else the log has said why there is none
		w.Mark, w.JobMark = process.MarkOf(mark)
		w.Users = []int{0, os.Geteuid(), uid}
	}
	return search{Wanted: w, Found: s.target.rivals(), Warn: c.Single.Rivals == "warn"}, nil
}

// searchSpec is that for a shim. inUse says why the socket is not at its path.
// Most often it is, and what was written once for a configuration will do: a
// crash loop is not to leave more garbage than it must.
func (s *site) searchSpec(inUse string) (json.RawMessage, error) {
	c := s.config()
	if known := s.searchText.Load(); inUse == "" && known != nil && known.of == c {
		return known.text, nil
	}
	what, err := s.search()
	if err != nil {
		return nil, err
	}
	what.InUse = inUse
	text, err := json.Marshal(what)
	if err == nil && inUse == "" {
		s.searchText.Store(&searchText{c, text})
	}
	return text, err
}

// A searchText is what a search is told, and for which configuration.
type searchText struct {
	of   *view
	text json.RawMessage
}

// lookForRivals searches in a process of its own and returns who was found.
func (s *site) lookForRivals(ctx context.Context) ([]rival.Rival, error) {
	order, err := s.searchOrder()
	if err != nil {
		return nil, err
	}
	defer order.Close()
	if err := s.send(ctx, order); err != nil {
		return nil, err
	}
	return readFound(s.target).Rivals, nil
}

// searchOrder is what a searching process reads: a memfd(2), so that it never
// touches a disk, and can be read again and again.
func (s *site) searchOrder() (*os.File, error) {
	text, err := s.searchSpec("")
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("keepone-search", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot make a memfd: %w", err)
	}
	order := os.NewFile(uintptr(fd), "search")
	if _, err := order.WriteAt(text, 0); err != nil {
		order.Close()
		return nil, fmt.Errorf("cannot write what to search for: %w", err)
	}
	return order, nil
}

// send lets a process search. It returns when the word that it leaves is there.
func (s *site) send(ctx context.Context, order *os.File) error {
	done, err := s.spawner.Reaper.Self([]string{"rivals", s.name}, s.spawner.Env, order, os.Stderr)
	if err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// noRivals is a part of the check before a planned restart: a rival would keep
// the next backend from being spawned when the old one is gone.
func (s *site) noRivals(ctx context.Context) error {
	if s.config().Single.Rivals != "refuse" {
		return nil
	}
	found, err := s.lookForRivals(ctx)
	if err != nil && ctx.Err() == nil {
		s.log("warning: cannot look for rivals: %v", err) // the shim looks again
	}
	if len(found) == 0 {
		return ctx.Err()
	}
	return fmt.Errorf("another interpreter runs: %s", describeRivals(found))
}

// endRival ends one beside whom nobody of ours starts: as its master would, or
// by the stop signal, and by force when the stop timeout is over.
func (s *site) endRival(ctx context.Context, r rival.Rival) error {
	if r.AtPath {
		if err := s.supplant(ctx, r); err != nil {
			s.log("%v", err)
		}
	}
	p, err := s.take([]rival.Rival{r})
	if errors.Is(err, record.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	over := time.NewTimer(s.config().Stop.Timeout)
	defer over.Stop()
	err = p.Terminate()
	for n := 0; ; n++ {
		select {
		case <-p.Exited():
			p.Close()
			return nil
		case <-over.C:
			err = errors.Join(err, p.Kill())
			over.Reset(time.Second)
		case <-ctx.Done():
			go func() { <-p.Exited(); p.Close() }()
			return ctx.Err()
		}
		if n == 3 {
			go func() { <-p.Exited(); p.Close() }()
			return fmt.Errorf("cannot end the rival, process %d: it outlives SIGKILL: %w", r.PID, err)
		}
	}
}

// take makes one Process of rivals, each proved by its start time. The error
// wraps record.ErrGone when none of them lives, and says what to do where
// somebody would start them again.
func (s *site) take(rivals []rival.Rival) (*process.Process, error) {
	var who []process.Rival
	for _, r := range rivals {
		pidfd, err := identityOf(r).Open()
		if errors.Is(err, record.ErrGone) {
			continue
		}
		if err != nil {
			closeAll(who)
			return nil, fmt.Errorf("cannot take over process %d: %w", r.PID, err)
		}
		who = append(who, process.Rival{PID: r.PID, Pidfd: pidfd})
	}
	if len(who) == 0 {
		return nil, record.ErrGone
	}
	end, err := s.masters(rivals)
	if err == nil {
		var p *process.Process
		if p, err = s.spawner.Reaper.Take(who, s.config().Stop.Signal, end); err == nil {
			return p, nil
		}
	}
	closeAll(who)
	return nil, err
}

func closeAll(who []process.Rival) {
	for _, w := range who {
		unix.Close(w.Pidfd)
	}
}

// tenders are the programs that end for good what they, or their like, started.
var tenders = []string{"supervisorctl", "systemctl", "sv", "svc", "s6-svc"}
