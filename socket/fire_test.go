package socket

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tally is what clients met while the path was removed again and again.
type tally struct {
	answered, refused atomic.Int64
	longest           atomic.Int64 // nanoseconds with the path missing, as one client saw it
	failures          chan error
}

// start lets two clients hammer the path; end returns when they have ended.
func (c *tally) start(path string) (end func() []error) {
	var stop atomic.Bool
	var clients sync.WaitGroup
	c.failures = make(chan error, 2)
	for range cap(c.failures) {
		clients.Go(func() { c.hammer(path, &stop) })
	}
	return func() (all []error) {
		stop.Store(true)
		clients.Wait()
		for len(c.failures) > 0 {
			all = append(all, <-c.failures)
		}
		return all
	}
}

// hammer connects until end is set. A missing path is counted, any other
// failure is one.
func (c *tally) hammer(path string, end *atomic.Bool) {
	var missing time.Time
	for !end.Load() {
		switch err := request(path); {
		case err == nil:
			c.answered.Add(1)
			if !missing.IsZero() {
				gap := int64(time.Since(missing))
				c.longest.Store(max(c.longest.Load(), gap))
				missing = time.Time{}
			}
		case errors.Is(err, unix.ENOENT):
			c.refused.Add(1)
			if missing.IsZero() {
				missing = time.Now()
			}
		default:
			c.failures <- err
			return
		}
	}
}

// upkeepLoop is what the resident does: a watch, and a look after each wake.
func upkeepLoop(ctx context.Context, l *Listener, cured *atomic.Int64) error {
	d, err := OpenDiag()
	if err != nil {
		return err
	}
	defer d.Close()
	w, err := OpenWatch()
	if err != nil {
		return err
	}
	defer w.Close()
	for {
		c, err := d.Mend(l, true)
		if err = errors.Join(err, c.Broken, c.InTheWay, w.Add(l)); err != nil {
			return err
		}
		if c.Path {
			cured.Add(1)
			continue // it may have gone before it was watched
		}
		if err := w.Wait(ctx); err != nil {
			return err
		}
	}
}

// 200 times the path is removed under clients that never stop. Each time it is
// back, with the same socket; who had connected is answered.
func TestRemovedUnderFire(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	served := make(chan struct{})
	go func() { serve(l); close(served) }()
	var cured atomic.Int64
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	upkept := make(chan error, 1)
	go func() { upkept <- upkeepLoop(ctx, l, &cured) }()
	var c tally
	end := c.start(o.Path)
	var gaps []time.Duration
	for n := int64(1); n <= 200; n++ {
		answered, gone := c.answered.Load(), time.Now()
		must(t, os.Remove(o.Path))
		eventually(t, "the path is back", func() bool { return cured.Load() == n })
		gaps = append(gaps, time.Since(gone))
		eventually(t, "requests go on", func() bool { return c.answered.Load() > answered || len(c.failures) > 0 })
		if got := stat(t, o.Path).Ino; got != l.ino {
			t.Fatalf("another inode: %d, was %d", got, l.ino)
		}
	}
	for _, err := range end() {
		t.Error(err)
	}
	leave()
	if err := <-upkept; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	must(t, unix.Shutdown(l.Fd(), unix.SHUT_RD))
	<-served
	if got := names(t, o); !slices.Equal(got, []string{".x.sock.g1", "x.sock"}) {
		t.Errorf("left: %v", got)
	}
	first := gaps[0] // the others come while the watch rests
	slices.Sort(gaps)
	t.Logf("%d answered, %d without a path, at most %v long; from rm to cure: first %v, median %v, longest %v", c.answered.Load(),
		c.refused.Load(), time.Duration(c.longest.Load()), first, gaps[len(gaps)/2], gaps[len(gaps)-1])
}

// The same as a user that owns the file, which fs.protected_hardlinks allows.
func TestAsOrdinaryUser(t *testing.T) {
	root(t, "another user")
	c := exec.Command("/proc/self/exe", "-test.run=^(TestMendPath|TestMendRemovedDirectory|TestMendSpareName|TestRemovedUnderFire|TestWatchWhatCannotBeRead)$/^(here)?$", "-test.v")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	c.Dir = "/"
	out, err := c.CombinedOutput()
	if err != nil || strings.Count(string(out), "--- PASS") < 7 {
		t.Errorf("%v\n%s", err, out)
	}
}
