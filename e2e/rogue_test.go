package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	rogueEvents = 20 // of a short run
	mostDoubles = 3  // at a time
)

// rogue is one run: somebody who does not know of keepone starts interpreters of the site, in every way there is, while
// visitors come and the operator works. The test's goroutine owns all of it.
type rogue struct {
	*site
	began   time.Time
	random  *rand.Rand
	journal []string
	number  int
	alive   []*double
	ever    map[int]*double // by pid
	stopped bool            // by the operator
	spawns  int             // backends so far, when nobody was there who had been named
	crowd   *crowd
}

// TestRogue holds, whatever the rogue does: at most one interpreter that keepone has spawned lives; visitors are only
// answered by that one or by a rival at the path; every rival that stays is named, in full, and nobody else; when all are
// gone the site is up. ROGUE_SEED plays a run again, ROGUE_EVENTS or CHAOS_MINUTES say how long it is.
func TestRogue(t *testing.T) {
	if testing.Short() {
		t.Skip("the rogue takes half a minute")
	}
	t.Parallel()
	r := newRogue(t)
	long := number(t, "CHAOS_MINUTES", 0)
	events := int(number(t, "ROGUE_EVENTS", rogueEvents))
	end := r.began.Add(time.Duration(long) * time.Minute)
	for r.number < events && long == 0 || long > 0 && time.Now().Before(end) {
		r.number++
		r.step()
		time.Sleep(time.Duration(r.random.IntN(300)) * time.Millisecond)
		if r.number%3 == 0 {
			r.audit()
		}
	}
	r.audit()
	r.rest()
}

// newRogue makes a site that could be one of Django, with people around who are no rivals.
func newRogue(t *testing.T) *rogue {
	t.Helper()
	s := newDoubleSite(t, "lighttpd", settings{"memory.sample": "200ms", "drain.timeout": "5s", "stop.timeout": "2s"})
	s.must(copyFile(filepath.Join(s.dir, "manage.py"), filepath.Join(s.dir, "double.py")))
	r := &rogue{site: s, began: time.Now(), ever: map[int]*double{}}
	seed := number(t, "ROGUE_SEED", rand.Uint64N(1_000_000))
	r.random = rand.New(rand.NewPCG(seed, 0))
	t.Logf("ROGUE_SEED=%d", seed)
	t.Cleanup(func() {
		if t.Failed() || os.Getenv("ROGUE_TELL") != "" {
			t.Logf("ROGUE_SEED=%d, the journal:\n%s", seed, strings.Join(r.journal, "\n"))
		}
	})
	bystanders := s.bystanders()
	t.Cleanup(func() {
		for _, p := range bystanders {
			p.end(syscall.SIGKILL, 5*time.Second)
		}
	})
	s.startKeepone()
	s.await("up")
	s.startWeb()
	r.crowd = r.newCrowd(t)
	return r
}

func (r *rogue) note(format string, args ...any) {
	r.journal = append(r.journal, fmt.Sprintf("%7.3f #%d ", time.Since(r.began).Seconds(), r.number)+fmt.Sprintf(format, args...))
}

// deeds are what may happen next, by weight.
var deeds = []struct {
	name   string
	weight int
	do     func(*rogue)
}{
	{"a double comes", 10, (*rogue).another},
	{"a double goes", 3, func(r *rogue) { r.ends(r.random.IntN(len(r.alive) + 1)) }},
	{"restart-backend", 3, (*rogue).restart},
	{"kill -9 backend", 3, (*rogue).crash},
	{"kill -9 keepone", 3, (*rogue).killed},
	{"reload", 1, func(r *rogue) { r.do("reload") }},
	{"stop-backend", 2, func(r *rogue) { r.do("stop-backend"); r.stopped = true }},
	{"start-backend", 3, (*rogue).starts},
	{"take-over", 3, (*rogue).takesOver},
}

func (r *rogue) step() {
	r.t.Helper()
	sum := 0
	for _, d := range deeds {
		sum += d.weight
	}
	n := r.random.IntN(sum)
	for _, d := range deeds {
		if n -= d.weight; n < 0 {
			r.note("%s", d.name)
			d.do(r)
			break
		}
	}
	r.forget()
	r.refused()
	r.crowd.check(r)
}

// refused demands that nothing has been spawned while somebody lives who had been named before.
func (r *rogue) refused() {
	r.t.Helper()
	count := len(r.backends())
	i := slices.IndexFunc(r.alive, func(d *double) bool { return d.named && running(d.pid) })
	if i < 0 {
		r.spawns = count
	}
	if count > r.spawns {
		r.t.Fatalf("#%d: spawned beside process %d, which had been named", r.number, r.alive[i].pid)
	}
}
