package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keepone/process"
	"keepone/record"
	"keepone/rival"
	"keepone/socket"
	"keepone/supervise"
)

// rivalGeneration is the number of a rival's socket; ours begin at 1.
const rivalGeneration = 0

// takeOver ends the rivals and starts a backend of ours in their place. Who
// serves at our path is followed without losing a request: it is drained as a
// backend of ours would be. Until that begins nothing is touched. With force
// also those are ended whose visitors nobody would serve any more.
func (s *site) takeOver(ctx context.Context, o supervise.Options, force bool) (supervise.Status, string, error) {
	select { // one at a time: they would hold one socket twice
	case s.takingOver <- struct{}{}:
		defer func() { <-s.takingOver }()
	case <-ctx.Done():
		return supervise.Status{}, "", ctx.Err()
	}
	if err := s.errLent(); err != nil {
		return supervise.Status{}, "", err
	}
	st, err := s.loop.Status(ctx)
	if err == nil && st.PID != 0 && st.State != supervise.Starting { // that may be another try beside a rival
		err = errors.New("the backend runs already")
	}
	if err == nil && !o.NoCheck {
		err = s.checked(ctx)
	}
	if err != nil {
		return st, "", err
	}
	found, err := s.lookForRivals(ctx)
	if err != nil {
		return st, "", err
	}
	for _, r := range found {
		if err := s.mayFollow(r, force); err != nil {
			return st, "", err
		}
	}
	st, err = s.replaceRivals(ctx, found, o)
	return st, remains(found), err
}

// replaceRivals ends those who are elsewhere, and follows who is at our path.
func (s *site) replaceRivals(ctx context.Context, found []rival.Rival, o supervise.Options) (supervise.Status, error) {
	var there []rival.Rival
	for _, r := range found {
		if r.AtPath {
			there = append(there, r)
			continue
		}
		s.log("taking over from %s", r)
		if err := s.endRival(ctx, r); err != nil {
			return supervise.Status{}, err
		}
	}
	if len(there) == 0 {
		return s.loop.Start(ctx, o)
	}
	return s.follow(ctx, there, o)
}

// remains is what an operator has to see to when the site has moved.
func remains(taken []rival.Rival) string {
	if len(taken) == 0 {
		return ""
	}
	return fmt.Sprintf("took the site over from process %d, which was started by %s: see to it that this does not start it again, at the latest at the next boot", taken[0].PID, taken[0].Origin)
}

// mayFollow refuses to end who serves others than ours would.
func (s *site) mayFollow(r rival.Rival, force bool) error {
	path := s.config().Socket.Path
	elsewhere := slices.DeleteFunc(slices.Clone(r.Listens), func(at string) bool { return at == strings.TrimPrefix(path, "tcp://") })
	same := slices.IndexFunc(elsewhere, func(at string) bool { return strings.HasPrefix(path, "tcp://") && samePort(at, path) })
	suffixed := slices.IndexFunc(elsewhere, func(at string) bool { return strings.HasPrefix(at, path+"-") })
	switch _, err := s.master(r); {
	case !r.AtPath && suffixed >= 0 && startedBy(r, "lighttpd"):
		return fmt.Errorf("process %d listens where lighttpd has it, which is not at socket.path: set that to %s for the move", r.PID, elsewhere[suffixed])
	case err != nil:
		return err
	case isWebServer(r):
		return fmt.Errorf("process %d (%s) is a web server: socket.path is where it asks the backend, not where visitors ask it", r.PID, r.Command)
	case r.AtPath && same >= 0:
		return fmt.Errorf("process %d listens at more addresses than %s: set socket.path to tcp://%s for the move", r.PID, path, elsewhere[same])
	case r.AtPath && len(elsewhere) > 0 && !force:
		return fmt.Errorf("process %d serves %s, too, which nobody would any more: end it by hand, or with --now", r.PID, strings.Join(elsewhere, " and "))
	case !r.AtPath && len(elsewhere) > 0 && !force:
		return fmt.Errorf("process %d listens at %s and not at socket.path, so its visitors would be cut off: set socket.path to that, or point the web server to %s first and end it, or say --now",
			r.PID, strings.Join(elsewhere, " and "), path)
	}
	return nil
}

func samePort(at, path string) bool {
	return at[strings.LastIndexByte(at, ':')+1:] == path[strings.LastIndexByte(path, ':')+1:]
}

func startedBy(r rival.Rival, name string) bool {
	return len(r.Parents) > 0 && r.Parents[0].Name == name
}

// isWebServer goes by the names that webserver.process = "auto" looks for, and
// the configured one.
func isWebServer(r rival.Rival) bool {
	name, _, _ := strings.Cut(r.Command, " ")
	return slices.Contains([]string{"lighttpd", "nginx", "apache2", "httpd", "caddy", "haproxy"}, strings.TrimSuffix(filepath.Base(name), ":"))
}

// checked runs backend.check.
func (s *site) checked(ctx context.Context) error {
	var checked <-chan error
	err := s.loop.Reconfigure(ctx, func(*supervise.Config) { checked = s.checkProgram(ctx) }) // the spawner is the loop's
	if err != nil {
		return err
	}
	return <-checked
}

// follow hands the site over from who serves at our path. They have one socket,
// and are one backend.
func (s *site) follow(ctx context.Context, there []rival.Rival, o supervise.Options) (supervise.Status, error) {
	s.log("taking over from %s", describeRivals(there))
	l, err := s.socketOf(there)
	if err != nil {
		return supervise.Status{}, err
	}
	if !o.Now {
		if err := socket.Quiet(ctx, l, s.config().Drain.Patience); err != nil && ctx.Err() == nil {
			s.log("cannot wait for a quiet moment: %v", err)
		}
	}
	if ctx.Err() != nil {
		return supervise.Status{}, errors.Join(ctx.Err(), l.Close())
	}
	p, err := s.take(there)
	if errors.Is(err, record.ErrGone) { // meanwhile: who waits there is refused, as without us
		if err := l.Close(); err != nil {
			s.log("%v", err)
		}
		return s.loop.Start(ctx, o)
	}
	if err != nil {
		return supervise.Status{}, errors.Join(err, l.Close())
	}
	from := supervise.Incumbent{
		Socket: s.adapt(l), Backend: s.newBackend(p, true), Started: there[0].Since,
		Publish: func(ours supervise.Socket) error { return ours.(listener).Listener.Publish(p.Members()...) },
		Refused: func() { // it is nobody's of ours, and lives on
			s.complainOnce(l.Close())
			p.Release()
		},
	}
	return s.loop.TakeOver(context.WithoutCancel(ctx), from, o)
}

// adoptBackend takes a former keepone's backend back. One that it was taking over
// is still somebody else's, who would start it again: the word that the latest
// search left says whose.
func (s *site) adoptBackend(l *legacy) (*process.Process, error) {
	var there []rival.Rival
	for _, r := range readFound(s.target).Rivals {
		if identityOf(r) == *l.state.Backend {
			there = append([]rival.Rival{r}, there...)
		} else if r.Socket == l.state.Socket.Inode {
			there = append(there, r)
		}
	}
	if len(there) > 0 && identityOf(there[0]) == *l.state.Backend {
		if p, err := s.take(there); err == nil {
			unix.Close(l.backend)
			return p, nil
		}
	}
	return s.spawner.Adopt(l.state.Backend.PID, l.backend)
}

// supplant puts our socket in the place of that of a rival which took the path
// from a backend that runs, and waits until the rival has finished what it has.
func (s *site) supplant(ctx context.Context, r rival.Rival) error {
	l, err := s.socketOf([]rival.Rival{r})
	if err != nil {
		return err
	}
	defer l.Close()
	var published error
	err = s.loop.Reconfigure(ctx, func(*supervise.Config) { // the sockets are the loop's
		published = s.serving[len(s.serving)-1].Listener.Publish(r.PID)
	})
	if err := errors.Join(err, published); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.config().Drain.Timeout)
	defer cancel()
	if err := socket.Drained(ctx, l, nil); err != nil {
		return fmt.Errorf("the rival, process %d, is ended with requests: %w", r.PID, err)
	}
	return nil
}

// socketOf takes the listening socket of rivals, so that who waits at it is
// served by ours when they are gone. An ordinary user may not: then it goes with
// them, once it is drained.
func (s *site) socketOf(rivals []rival.Rival) (*socket.Listener, error) {
	options, err := s.socketOptions()
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, r := range rivals {
		pids = append(pids, r.PID)
	}
	inode := rivals[0].Socket
	fd, err := socket.Retrieve(inode, pids)
	if errors.Is(err, fs.ErrPermission) {
		return socket.Foreign(options, rivalGeneration, inode)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot take the rival's socket: %w", err)
	}
	l, err := socket.Adopt(options, rivalGeneration, fd)
	if err != nil {
		unix.Close(fd)
	}
	return l, err
}
