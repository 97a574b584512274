package hang

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var begin = time.Unix(1<<30, 0)

// show lets the Watch see the same n times, a second apart, and counts how
// often it says hung.
func show(w *Watch, now *time.Time, n, pending int, set uint64, cpu time.Duration) (hung int) {
	for range n {
		*now = now.Add(time.Second)
		if w.Observe(*now, pending, set, cpu) {
			hung++
		}
	}
	return hung
}

// After a minute of nothing it hangs; each of these, half way, is life, and the
// minute begins anew.
func TestLife(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		pending int
		set     uint64
		cpu     time.Duration
		alive   bool
	}{
		"nothing":         {2, 7, 0, false},
		"another visitor": {3, 7, 0, false},
		"a timer":         {2, 7, 590 * ms, false},
		"somebody served": {1, 7, 0, true},
		"nobody waits":    {0, 0, 0, true},
		"another set":     {2, 8, 0, true},
		"a computation":   {2, 7, 600 * ms, true},
		"another sum":     {2, 7, -ms, true},
	} {
		w, now := New(time.Minute), begin
		if show(w, &now, 30, 2, 7, 0) != 0 || show(w, &now, 1, c.pending, c.set, c.cpu) != 0 {
			t.Errorf("%s: hung at once", name)
		}
		if n := show(w, &now, 30, max(c.pending, 1), c.set, c.cpu); (n == 0) != c.alive {
			t.Errorf("%s: hung %d times within the minute", name, n)
		}
		if n := show(w, &now, 60, max(c.pending, 1), c.set, c.cpu); n != 1 {
			t.Errorf("%s: hung %d times in the minute after", name, n)
		}
	}
}

// Nothing is known of a time in which nobody looked.
func TestGap(t *testing.T) {
	for _, c := range []struct {
		timeout, gap time.Duration
		anew         bool
	}{
		{time.Minute, 15 * time.Second, false},
		{time.Minute, 16 * time.Second, true},
		{time.Minute, time.Hour, true},
		{time.Minute, -time.Second, true},
		{time.Hour, 30 * time.Second, false},
		{time.Hour, 31 * time.Second, true},
	} {
		w, now := New(c.timeout), begin
		n := int(c.timeout / time.Second)
		show(w, &now, n, 1, 7, 0) // one second more, and it hangs
		now = now.Add(c.gap - time.Second)
		if hung := show(w, &now, 1, 1, 7, 0) != 0; hung == c.anew {
			t.Errorf("%+v: hung %v", c, hung)
		}
		if c.anew && (show(w, &now, n-1, 1, 7, 0) != 0 || show(w, &now, 1, 1, 7, 0) != 1) {
			t.Errorf("%+v: another timeout later it does not hang", c)
		}
	}
}

func TestSetTimeout(t *testing.T) {
	w, now := New(time.Hour), begin
	show(w, &now, 100, 1, 7, 0)
	anew := func(what string, timeout int) {
		t.Helper()
		if show(w, &now, timeout, 1, 7, 0) != 0 || show(w, &now, 1, 1, 7, 0) != 1 {
			t.Errorf("%s: it does not begin anew", what)
		}
		show(w, &now, timeout-1, 1, 7, 0)
	}
	w.SetTimeout(time.Minute)
	anew("a shorter one", 60)
	w.SetTimeout(2 * time.Minute)
	anew("a longer one", 120)
	w.SetTimeout(0)
	if show(w, &now, 1000, 1, 7, 0) != 0 {
		t.Error("hung though off")
	}
	w.SetTimeout(2 * time.Minute)
	anew("off and on", 120)
	w.Reset()
	anew("another backend", 120)
	w.SetTimeout(2 * time.Minute) // a reload that changes something else
	if show(w, &now, 1, 1, 7, 0) != 1 {
		t.Error("begins anew with the same timeout")
	}
}

// A story is what a Watch saw since it last said hung.
type story struct {
	watch   *Watch
	timeout time.Duration
	now     look
	looks   []look
}

// TestStories: whatever happens, it says hung only where the looks of a whole
// timeout show it, and does where those of two timeouts do.
func TestStories(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := &story{timeout: time.Minute, now: look{at: begin}}
		s.watch = New(s.timeout)
		quick := rapid.IntRange(0, 40) // most happen seldom, or nothing would ever hang
		for range rapid.IntRange(50, 250).Draw(r, "looks") {
			s.now.at = s.now.at.Add(rapid.SampledFrom([]time.Duration{time.Second, time.Second, 5 * time.Second, 15 * time.Second}).Draw(r, "gap"))
			switch quick.Draw(r, "event") {
			case 0:
				s.now.at = s.now.at.Add(time.Duration(rapid.IntRange(-3600, 3600).Draw(r, "jump")) * time.Second)
			case 1:
				s.now.set++
			case 2:
				s.now.pending = max(0, s.now.pending-1)
			case 3, 4, 5, 6:
				s.now.pending++
			case 7, 8, 9, 10, 11:
				s.now.cpu += tick * time.Duration(rapid.IntRange(0, 20).Draw(r, "burned"))
			case 12:
				s.now.cpu += time.Second
			case 13:
				s.changes(time.Minute * time.Duration(rapid.IntRange(0, 2).Draw(r, "timeout")))
			}
			s.look(r)
		}
	})
}

func (s *story) changes(timeout time.Duration) {
	s.watch.SetTimeout(timeout)
	if timeout != s.timeout {
		s.timeout, s.looks = timeout, nil
	}
}

func (s *story) look(r *rapid.T) {
	s.looks = append(s.looks, s.now)
	hung := s.watch.Observe(s.now.at, s.now.pending, s.now.set, s.now.cpu)
	switch {
	case hung && !s.stalled(s.timeout):
		r.Fatalf("hung after %+v", s.looks)
	case !hung && s.stalled(2*s.timeout):
		r.Fatalf("not hung after %+v", s.looks)
	case hung:
		s.looks = []look{s.now}
	}
}

// stalled says that the latest looks, over that time at least, show that
// nothing happened.
func (s *story) stalled(long time.Duration) bool {
	last := s.looks[len(s.looks)-1]
	for i := len(s.looks) - 1; i >= 0 && s.timeout > 0; i-- {
		l := s.looks[i]
		if l.pending == 0 || l.set != last.set || l.cpu <= last.cpu-s.timeout/100 {
			return false
		}
		if i+1 < len(s.looks) {
			gap := s.looks[i+1].at.Sub(l.at)
			if gap < 0 || gap > s.timeout/4 || gap > 30*time.Second || l.pending > s.looks[i+1].pending {
				return false
			}
		}
		if last.at.Sub(l.at) >= long {
			return true
		}
	}
	return false
}

func TestObserveAllocatesNothing(t *testing.T) {
	w, now := New(time.Minute), begin
	if n := testing.AllocsPerRun(1000, func() { show(w, &now, 1, 1, 7, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
