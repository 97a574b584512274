package supervise

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// An act is one line of a random script. synctest wants a bubble per script
// and rapid must draw outside of it, so a script is drawn first, then played.
type act struct {
	name string
	do   func(r *random)
}

func (a act) GoString() string { return a.name }

// random is a play that keeps book of who asked for what.
type random struct {
	*play
	asked []asked
	want  State // asked for last
}

type asked struct {
	request
	at string
}

// ask sends a request as Supervisor.ask does, with room for a second answer.
func (r *random) ask(ev event, o Options) {
	q := request{ev: ev, opts: o, reply: make(chan answer, 2)}
	r.s.requests <- q
	synctest.Wait()
	r.asked = append(r.asked, asked{q, ev.String()})
	switch {
	case ev != stop:
		r.want = Up
	case !r.refused(q):
		r.want = Down
	}
}

// refused says that a stop was given up, and all is as it was.
func (r *random) refused(q request) bool {
	select {
	case a := <-q.reply:
		q.reply <- a
		return errors.Is(a.err, errInjected)
	default:
		return false
	}
}

func acts() (all []act) {
	add := func(name string, do func(*random)) { all = append(all, act{name, do}) }
	for _, ev := range []event{start, stop, restart} {
		for _, o := range []Options{{}, {Now: true}, {NoCheck: true}} {
			add(fmt.Sprintf("%s %+v", ev, o), func(r *random) { r.ask(ev, o) })
		}
	}
	add("restart, but do not stay", func(r *random) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		r.s.Restart(ctx, Options{})
		r.want = Up
	})
	add("hurry", func(r *random) { r.s.Hurry(context.Background()) })
	add("status", func(r *random) { r.s.Status(context.Background()) })
	for _, n := range []int{1, 10} {
		add(fmt.Sprintf("connect %d", n), func(r *random) { r.connect(n) })
	}
	for _, d := range []time.Duration{0, 1, 50, 500, 3000, 12000, 70000} {
		d *= time.Millisecond
		add("pass "+d.String(), func(r *random) { r.pass(d) })
	}
	for _, e := range []Exit{{Text: "crash"}, {Text: "exit status 0", Clean: true}} {
		add(e.Text, func(r *random) {
			if b := r.running(); b != nil {
				r.do(func() { b.die(e) })
			}
		})
	}
	add("the socket breaks", func(r *random) { r.do(func() { r.published.broken = true }) })
	add("the shim dies", func(r *random) {
		if b := r.shim(); b != nil {
			r.do(func() { b.end(Exit{Text: "crash"}) })
		}
	})
	return slices.Concat(all, takeOvers(), settings())
}

// settings change how the world behaves from now on.
func settings() (all []act) {
	add := func(name string, do func(*random)) { all = append(all, act{name, do}) }
	for _, what := range []string{"bind", "spawn", "hold", "publish", "go", "check", "ready", "quiet", "drained", "kill"} {
		add(what+" fails", func(r *random) { r.fail[what] = true })
	}
	add("repair", func(r *random) { clear(r.fail) })
	for _, b := range []behaviour{
		{}, {ready: -1}, {ready: 300 * time.Millisecond}, {stubborn: true}, {deaf: true}, {rival: "pid 7"},
		{dies: time.Millisecond}, {ready: time.Second, dies: time.Millisecond}, {exits: 2 * time.Second},
		{slow: time.Second, lingers: time.Second}, {ready: -1, stubborn: true, lingers: 7 * time.Second},
		{deaf: true, dies: time.Second},
	} {
		add(fmt.Sprintf("backends become %+v", b), func(r *random) { r.usual = b })
	}
	for _, d := range []time.Duration{time.Millisecond, 5 * time.Second, time.Minute} {
		add("requests take "+d.String(), func(r *random) { r.work = d })
	}
	for _, d := range []time.Duration{0, time.Second, 30 * time.Second} {
		add("checks take "+d.String(), func(r *random) { r.checking = d })
	}
	add("it hangs", func(r *random) { r.hangs = true })
	add("it hangs no more", func(r *random) { r.hangs = false })
	add("probes fail", func(r *random) { r.sick = errInjected })
	add("probes are in vain", func(r *random) { r.sick = ErrBusy })
	for _, m := range []Weight{{}, {Soft: true}, {Hard: true}, {Steep: true}, {Soft: true, Hard: true, Steep: true}} {
		add(fmt.Sprintf("memory %+v", m), func(r *random) { r.weight = m })
	}
	return all
}

// heal lets the world behave from now on, also what is there already.
func (r *random) heal() {
	r.do(func() {
		clear(r.fail)
		r.usual, r.work, r.checking, r.weight = behaviour{}, time.Millisecond, 0, Weight{}
		r.hangs, r.sick = false, nil
		if b := r.running(); b != nil {
			b.deaf, b.stubborn = false, false
			r.accept()
		}
	})
	r.pass(5 * time.Minute)
}

// judge is called when everything has behaved for long enough.
func (r *random) judge() {
	st := r.status()
	r.law(st.State == r.want, "law 7: %s, and %s was asked for last", st.State, r.want)
	for i, q := range r.asked {
		r.law(len(q.reply) == 1, "caller %d (%s) was answered %d times", i, q.at, len(q.reply))
	}
	if r.want == Down {
		r.ask(start, Options{})
		r.pass(5 * time.Minute)
	}
	st = r.status()
	r.law(st.State == Up && st.Next == 0 && !st.Preparing, "law 7: it ends with %+v", st)
	r.law(!r.published.broken, "law 2: a broken socket is at the path")
	for _, s := range r.sockets {
		r.law(s.pending == 0, "law 3: %d wait at generation %d for ever", s.pending, s.generation)
	}
}

// perform plays a script and returns what was broken.
func perform(t *testing.T, script []act, then func(*random)) (broken string) {
	synctest.Test(t, func(t *testing.T) {
		r := &random{play: &play{world: newWorld(), t: t}, want: Up}
		r.polite = len(script)%2 == 0
		r.boot()
		for _, a := range script {
			r.do(func() { r.note("%s:", a.name) })
			a.do(r)
			r.do(r.accept) // and the laws are looked at
			synctest.Wait()
		}
		then(r)
		r.leave()
		r.empty()
		if len(r.broken) > 0 {
			broken = r.String()
		}
	})
	return broken
}

func scripts() *rapid.Generator[[]act] {
	all := acts()
	line := rapid.Custom(func(t *rapid.T) act {
		return all[rapid.IntRange(0, len(all)-1).Draw(t, "act")]
	})
	return rapid.SliceOfN(line, 0, 40)
}

func check(t *testing.T, then func(*random)) {
	rapid.Check(t, func(rt *rapid.T) {
		script := scripts().Draw(rt, "script")
		if broken := perform(t, script, then); broken != "" {
			rt.Log(broken)
			rt.FailNow() // rapid shrinks by the message, and it is never the same
		}
	})
}

// The laws hold whatever happens, and when all behaves again everybody is
// served and keepone is where it was last asked to be.
func TestLaws(t *testing.T) {
	check(t, func(r *random) {
		r.heal()
		r.judge()
	})
}

// Leaving in the middle of anything closes everything, and answers everybody
// or lets them see the end.
func TestLawsWhenLeaving(t *testing.T) {
	check(t, func(r *random) {
		r.do(func() { delete(r.fail, "kill") }) // what cannot be killed keeps keepone, and rightly so
		for _, q := range r.asked {
			r.law(len(q.reply) <= 1, "%s was answered twice", q.at)
		}
	})
}
