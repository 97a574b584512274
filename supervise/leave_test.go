package supervise

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// From every state the path goes first and everything is closed in the end;
// scene looks after the rest.
func TestLeave(t *testing.T) {
	for from, arrange := range map[State]func(*play){
		Down:       func(p *play) { p.boot(); p.stop(Options{}) },
		Blocked:    func(p *play) { p.usual.rival = "pid 7"; p.boot() },
		Starting:   func(p *play) { p.usual.ready = -1; p.boot() },
		Up:         func(p *play) { p.boot() },
		Draining:   func(p *play) { p.usual.deaf = true; p.boot(); p.connect(1); p.restart(Options{}) },
		Restarting: func(p *play) { p.usual.stubborn = true; p.boot(); p.restart(Options{}) },
		Closing:    func(p *play) { p.usual.deaf = true; p.boot(); p.connect(1); p.stop(Options{}) },
		Stopping:   func(p *play) { p.usual.stubborn = true; p.boot(); p.stop(Options{}) },
		Backoff:    func(p *play) { p.boot(); p.crash() },
	} {
		t.Run(from.String(), func(t *testing.T) {
			scene(t, func(p *play) {
				arrange(p)
				p.is(from)
				p.mu.Lock()
				before := len(p.journal)
				p.mu.Unlock()
				p.leave()
				if did := p.journal[before:]; !strings.HasPrefix(did[0], "withdraw") || slices.Contains(did, "spawn 1") {
					t.Errorf("left with %q", did)
				}
				if last := p.moves[len(p.moves)-1]; last.State != Down {
					t.Errorf("the last state told is %s", last.State)
				}
			})
		})
	}
}

func TestLeaveDrains(t *testing.T) {
	scene(t, func(p *play) {
		p.work = 20 * time.Second
		p.upWith(behaviour{})
		p.connect(3)
		p.pass(time.Second)
		p.leave()
		if p.served != 3 {
			t.Errorf("served %d", p.served)
		}
		p.did("withdraw 1, terminate 1, exit 1, close 1")
	})
}

func TestLeaveKillsTheStubborn(t *testing.T) {
	scene(t, func(p *play) {
		p.upWith(behaviour{stubborn: true, deaf: true})
		p.connect(1)
		p.leave()
		p.did("withdraw 1, terminate 1, kill 1, exit 1, close 1")
	})
}

func TestLeaveDuringPreparation(t *testing.T) {
	scene(t, func(p *play) {
		p.checking = -1
		p.upWith(behaviour{})
		c := p.restart(Options{})
		p.leave()
		c.fails("")
		p.did("withdraw 1, terminate 1, exit 1, close 1")
	})
}

func TestRequestsWhileLeaving(t *testing.T) {
	scene(t, func(p *play) {
		p.usual.stubborn = true
		p.boot()
		before := p.stop(Options{})
		p.do(func() { p.leaving = true })
		p.end()
		synctest.Wait()
		p.is(Stopping)
		asked := []*call{p.up(), p.restart(Options{Now: true}), p.stop(Options{})}
		p.leave()
		before.ok()
		asked = append(asked, p.up(), p.restart(Options{}), p.stop(Options{}))
		for _, c := range asked {
			if !c.done || !errors.Is(c.err, ErrLeaving) {
				t.Errorf("answered %v, %v", c.done, c.err)
			}
		}
		if _, err := p.s.Status(context.Background()); !errors.Is(err, ErrLeaving) {
			t.Errorf("status answered %v", err)
		}
	})
}

// Run returns when the shims that were not needed are gone too; scene looks.
func TestLeaveWaitsForShims(t *testing.T) {
	scene(t, func(p *play) {
		p.holding.lingers = time.Minute
		p.upWith(behaviour{})
		p.stop(Options{}).ok()
	})
}

// Hurry ends a drain under way; it must not shorten a later one.
func TestHurryWithoutADrain(t *testing.T) {
	scene(t, func(p *play) {
		p.work = 20 * time.Second
		p.upWith(behaviour{})
		if err := p.s.Hurry(context.Background()); err != nil {
			t.Error(err)
		}
		p.connect(3)
		p.leave()
		if p.served != 3 {
			t.Errorf("served %d of 3", p.served)
		}
	})
}

// Who was answered keeps the answer, also when keepone ends in the same breath.
func TestAnswerAtTheVeryEnd(t *testing.T) {
	for range 100 {
		w := newWorld()
		s := New(w.config(), w.published)
		go func() {
			r := <-s.requests
			r.reply <- answer{}
			close(s.ended)
		}()
		if _, err := s.Stop(context.Background(), Options{}); err != nil {
			t.Fatalf("answered with success, told %v", err)
		}
	}
}
