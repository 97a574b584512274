package supervise

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// incumbent is a rival at the public path, with n requests under way and as many
// that wait. Until it is gone no backend of ours may run.
func (w *world) incumbent(b behaviour, n int) Incumbent {
	s := w.socket(0)
	rival := &fakeBackend{w: w, socket: s, exited: make(chan Exit, 1), running: true, serving: true, pid: 7, behaviour: b}
	rival.deaf = true
	w.do(func() {
		w.backends, w.published = append(w.backends, rival), s
		s.active, s.pending = n, n
		w.after(w.work, func() {
			if !rival.gone {
				s.active, w.served = 0, w.served+n
			}
		})
	})
	return Incumbent{Socket: s, Backend: rival, Started: time.Now(), Publish: func(ours Socket) error { return ours.Publish() }}
}

func (p *play) takeOver(i Incumbent, o Options) *call {
	return p.call(func(ctx context.Context) (Status, error) { return p.s.TakeOver(ctx, i, o) })
}

// Who is served by the rival is served to the end, who waits at it is served by
// ours, and who comes meanwhile, too.
func TestTakeOver(t *testing.T) {
	scene(t, func(p *play) {
		p.usual.rival = "pid 7"
		p.boot()
		i := p.incumbent(behaviour{slow: time.Second}, 3)
		p.usual.rival = ""
		p.did("spawn 1, exit 1")
		p.work = 4 * time.Second
		c := p.takeOver(i, Options{})
		p.is(Draining)
		if st := p.status(); st.PID != 7 || !st.Adopted || st.Generation != 0 || st.Next != 1 {
			t.Errorf("%+v", st)
		}
		p.connect(5)
		p.pass(time.Minute)
		c.ok()
		p.is(Up)
		if st := p.status(); st.Last.Reason != Taken || st.Generation != 1 || st.Adopted || st.Restarts < 1 {
			t.Errorf("%+v", st)
		}
		if p.pass(time.Minute); p.served != 11 {
			t.Errorf("%d served", p.served)
		}
	})
}

// Nothing has changed when it fails, and the rival is still the caller's.
func TestTakeOverFails(t *testing.T) {
	for _, what := range []string{"publish", "hold"} {
		scene(t, func(p *play) {
			p.usual.rival = "pid 7"
			p.boot()
			i, refused := p.incumbent(behaviour{}, 0), 0
			i.Refused = func() { refused++ }
			p.fail[what] = true
			p.takeOver(i, Options{}).fails("injected")
			if refused != 1 {
				t.Errorf("refused %d times", refused)
			}
			p.pass(3 * time.Second)
			p.is(Blocked)
			if st := p.status(); st.PID != 0 || st.Adopted || st.Next != 0 || st.Generation != 1 || p.published != i.Socket {
				t.Errorf("%+v", st)
			}
			p.do(func() {
				i.Backend.(*fakeBackend).end(Exit{Text: "its own master ended it"})
				p.published = p.sockets[0]
			})
			i.Backend.(*fakeBackend).closed = true
			i.Socket.Close()
			p.usual.rival, p.fail[what] = "", false
			p.pass(time.Second)
			p.is(Up)
		})
	}
}

// There must be no backend of ours, and there must be a keepone to own one.
func TestTakeOverWhereNothingIsToBeTaken(t *testing.T) {
	scene(t, func(p *play) {
		p.boot()
		p.pass(time.Second)
		p.takeOver(Incumbent{}, Options{}).fails(errServed.Error())
		p.stop(Options{}).ok()
		i := p.incumbent(behaviour{stubborn: true}, 1)
		p.work = time.Hour
		p.takeOver(i, Options{Now: true, NoWait: true}).ok()
		p.pass(time.Minute)
		p.is(Up)
		p.leave()
		p.call(func(ctx context.Context) (Status, error) { return p.s.TakeOver(ctx, i, Options{}) }).fails(ErrLeaving.Error())
	})
}

// takeOvers are the same, at any moment of a random life.
func takeOvers() (all []act) {
	for _, b := range []behaviour{{}, {stubborn: true}, {slow: time.Second, lingers: time.Second}} {
		all = append(all, act{"a rival is taken over", func(r *random) {
			st := r.status().State
			if st != Down && st != Blocked && st != Backoff || r.running() != nil || r.excuses > 0 || r.published == nil || r.published.broken {
				return
			}
			former := r.published
			i := r.incumbent(b, 2)
			q := request{ev: start, taken: &i, reply: make(chan answer, 2)}
			r.s.requests <- q
			synctest.Wait()
			r.asked = append(r.asked, asked{q, "take over"})
			select {
			case a := <-q.reply:
				if q.reply <- a; a.err != nil && !errors.Is(a.err, ErrLeaving) && r.running() == i.Backend && r.published == i.Socket {
					r.do(func() {
						b, s := i.Backend.(*fakeBackend), i.Socket.(*fakeSocket)
						b.gone, b.running, b.closed, r.published = true, false, true, former
						s.pending, s.active, s.closed = 0, 0, true
					})
					return
				}
			default:
			}
			r.want = Up
		}})
	}
	return all
}
