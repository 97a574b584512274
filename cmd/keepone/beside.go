package main

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"keepone/record"
	"keepone/rival"
	"keepone/supervise"
)

const (
	searchPause = 3 * time.Second // at least, between two searches beside a backend that runs
	searchEvery = time.Minute     // at most
	endAgain    = time.Minute     // after a rival could not be ended
)

// rivals is what the watch for rivals beside a backend knows. It belongs to the
// watch's goroutine, but for news and newcomers.
type rivals struct {
	news      chan struct{}                // says that processes were made
	newcomers newcomers                    // the loop's
	known     map[record.Process]time.Time // told of; when it was to be ended last, zero for never
	order     *os.File                     // what a search reads
	of        *view                        // what that was made with
	word      word                         // the latest that was read
}

// A word stands for the file that a search leaves; zero for none.
type word struct {
	ino  uint64
	mtim unix.Timespec
}

// watchRivals looks for rivals beside the backend, when processes were made and
// once a minute. That goes on for ever, so it leaves as little garbage as it can:
// the order is written once for each configuration, and the word that is left
// is read when it is another.
func (s *site) watchRivals(ctx context.Context) {
	s.orderSearch() // now, for keepone is not to have more open later
	for failed := ""; ; {
		select {
		case <-s.rivals.news:
		case <-ctx.Done():
			return
		}
		s.rivals.newcomers.reset()
		text := ""
		if err := s.searchBeside(ctx); err != nil && ctx.Err() == nil {
			text = err.Error()
		}
		if text != "" && text != failed {
			s.log("warning: cannot look for rivals: %s", text)
		}
		failed = text
		s.trim() // what starts a process is not what is used at rest
		select {
		case <-time.After(searchPause):
		case <-ctx.Done():
			return
		}
	}
}

// orderSearch writes the order where there is none for this configuration.
func (s *site) orderSearch() (err error) {
	r := &s.rivals
	c := s.config()
	if c == r.of {
		return nil
	}
	if r.order != nil {
		r.order.Close()
	}
	if r.order, err = s.searchOrder(); err != nil {
		r.order, r.of = nil, nil
		return err
	}
	r.of, r.word = c, word{ino: 1} // another policy may be in force: it is read again
	return nil
}

func (s *site) searchBeside(ctx context.Context) error {
	r := &s.rivals
	if err := s.orderSearch(); err != nil {
		return err
	}
	if err := s.send(ctx, r.order); err != nil {
		return err
	}
	var st unix.Stat_t
	is := word{}
	if unix.Stat(s.target.rivals(), &st) == nil {
		is = word{st.Ino, st.Mtim}
	}
	if is != r.word {
		r.word = is
		s.meet(ctx, readFound(s.target).Rivals)
	}
	return nil
}

// meet tells of who is new, and does as the policy says. Who blocks a spawn is
// told of by the loop, and who is being taken over is nobody's double any more.
func (s *site) meet(ctx context.Context, found []rival.Rival) {
	st, err := s.loop.Status(ctx)
	if err != nil {
		return
	}
	policy, spawned := s.config().Single.Rivals, st.PID != 0 && st.State != supervise.Starting
	before, blocking := s.rivals.known, false
	s.rivals.known = map[record.Process]time.Time{}
	for _, r := range found {
		who := identityOf(r)
		ended, known := before[who]
		if r.PID == st.PID {
			continue
		}
		if !known && (spawned || policy == "warn") {
			s.tellRival(ctx, r)
		}
		if s.rivals.known[who] = ended; policy != "replace" || time.Since(ended) < endAgain {
			continue
		}
		if isWebServer(r) { // whatever it was told: not ours to end
			continue
		}
		s.rivals.known[who], blocking = time.Now(), blocking || !spawned
		if spawned {
			go s.endAndTell(ctx, r)
		}
	}
	if blocking {
		go s.moveOver(ctx)
	}
	if !spawned || policy == "replace" && len(found) > 0 {
		s.rivals.word = word{ino: 1} // it is read again: nobody was told of as beside the backend, or may have to be ended again
	}
	if len(before) > 0 && len(found) == 0 {
		s.log("no rival runs any more")
	}
}

// moveOver takes the site over without being asked.
func (s *site) moveOver(ctx context.Context) {
	if _, _, err := s.takeOver(ctx, supervise.Options{}, true); err != nil && ctx.Err() == nil {
		s.log("cannot take the site over: %v", err)
	}
}

// blocks has rivals looked for that are to be replaced: while nothing is spawned
// nothing is weighed, which is what else says that processes were made.
func (s *site) blocks(st supervise.State) {
	if st != supervise.Blocked || s.config().Single.Rivals != "replace" {
		return
	}
	select {
	case s.rivals.news <- struct{}{}:
	default:
	}
}

func (s *site) tellRival(ctx context.Context, r rival.Rival) {
	s.loop.Reconfigure(ctx, func(*supervise.Config) { // the events are the loop's
		s.log("another interpreter runs beside the backend: %s", r)
		s.event(supervise.Beside, r.String())
	})
}

func identityOf(r rival.Rival) record.Process { return record.Process{PID: r.PID, Start: r.Start} }

func (s *site) endAndTell(ctx context.Context, r rival.Rival) {
	if err := s.endRival(ctx, r); err != nil {
		s.log("%v", err)
		return
	}
	s.log("ended the rival, process %d", r.PID)
}
