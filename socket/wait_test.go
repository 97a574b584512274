package socket

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// later runs what waits beside the test; its error comes when it has ended.
func later(t *testing.T, f func(ctx context.Context) error) (ended <-chan error, cancel func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	c := make(chan error, 1)
	go func() { c <- f(ctx) }()
	return c, cancel
}

// stillWaits gives it the time to end too early, a few polls.
func stillWaits(t *testing.T, ended <-chan error) {
	t.Helper()
	select {
	case err := <-ended:
		t.Fatalf("ended too early: %v", err)
	case <-time.After(2 * longestPoll):
	}
}

// Nobody waits: one connection of our own shows that the backend accepts, and
// is gone afterwards.
func TestReadyByProbe(t *testing.T) {
	l := published(t, options(t), 1)
	d := diag(t)
	_, start := waitingBackend(t, l)
	ended, _ := later(t, func(ctx context.Context) error { return Ready(ctx, l) })
	eventually(t, "a probe", func() bool { return ask(t, d, l).Pending == 1 })
	stillWaits(t, ended)
	start()
	must(t, <-ended)
	eventually(t, "the probe is closed", func() bool { return ask(t, d, l) == Queue{Backlog: 64} })
}

// Requests wait: the first accept is seen, and no probe joins them.
func TestReadyByShorterQueue(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	d := diag(t)
	for range 3 {
		unix.Close(connected(t, o.Path)) // given up already: never active
	}
	ended, _ := later(t, func(ctx context.Context) error { return Ready(ctx, l) })
	stillWaits(t, ended)
	if q := ask(t, d, l); q.Pending != 3 {
		t.Fatalf("queue %+v", q)
	}
	unix.Close(accepted(t, l))
	must(t, <-ended)
	if q := ask(t, d, l); q.Pending != 2 {
		t.Errorf("queue %+v", q)
	}
}

func TestReadyByActive(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	defer unix.Close(connected(t, o.Path))
	defer unix.Close(accepted(t, l))
	must(t, Ready(context.Background(), l))
	if q := ask(t, diag(t), l); q.Pending != 0 {
		t.Errorf("queue %+v", q)
	}
}

// With the queue full there is no probe, and no error.
func TestReadyWithFullQueue(t *testing.T) {
	o := options(t)
	o.Backlog = 0
	l := published(t, o, 1)
	defer unix.Close(connected(t, o.Path))
	ended, _ := later(t, func(ctx context.Context) error { return Ready(ctx, l) })
	stillWaits(t, ended)
	unix.Close(accepted(t, l))
	must(t, <-ended)
}

// A probe that is accepted and closed at once counts: Active may never show it.
func TestReadyWhenTheBackendHangsUp(t *testing.T) {
	l := published(t, options(t), 1)
	ended, _ := later(t, func(ctx context.Context) error { return Ready(ctx, l) })
	unix.Close(accepted(t, l))
	must(t, <-ended)
}

func TestReadyEnds(t *testing.T) {
	l := published(t, options(t), 1)
	d := diag(t)
	ended, cancel := later(t, func(ctx context.Context) error { return Ready(ctx, l) })
	eventually(t, "a probe", func() bool { return ask(t, d, l).Pending == 1 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	ended, _ = later(t, func(ctx context.Context) error { return Ready(ctx, l) })
	must(t, unix.Shutdown(l.Fd(), unix.SHUT_RDWR))
	if err := <-ended; !errors.Is(err, ErrShutDown) {
		t.Errorf("error %v", err)
	}
}

// Pending and active both keep it waiting; progress hears of each change.
func TestDrained(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	client := connected(t, o.Path)
	heard := make(chan Queue, 10)
	ended, _ := later(t, func(ctx context.Context) error {
		return Drained(ctx, l, func(q Queue) { heard <- q })
	})
	hears := func(want Queue) {
		t.Helper()
		if got := <-heard; got != want {
			t.Errorf("heard %+v, want %+v", got, want)
		}
	}
	hears(Queue{Pending: 1, Backlog: 64})
	next := published(t, o, 2)
	waiting := connected(t, o.Path) // at the next generation: none of ours
	defer unix.Close(waiting)
	server := accepted(t, l)
	hears(Queue{Active: 1, Backlog: 64})
	must(t, unix.Shutdown(client, unix.SHUT_WR)) // the request has ended, the answer not
	stillWaits(t, ended)
	must(t, unix.Close(server))
	hears(Queue{Backlog: 64})
	must(t, <-ended)
	if q := ask(t, diag(t), next); q.Pending != 1 || len(heard) != 0 {
		t.Errorf("queue of the next %+v; heard %d more", q, len(heard))
	}
	unix.Close(client)
}

// It ends at the first two looks in a row that show nothing to wait for, and
// tells of each change once.
func TestDrainedLooksTwice(t *testing.T) {
	looks := rapid.SliceOfN(rapid.SampledFrom([]Queue{{}, {Pending: 1}, {Active: 1}, {Pending: 1, ShutDown: true},
		{Active: 1, ShutDown: true}}), 0, 6)
	rapid.Check(t, func(r *rapid.T) {
		given := append(looks.Draw(r, "looks"), Queue{}, Queue{})
		free := func(i int) bool { return given[i].Active == 0 && (given[i].Pending == 0 || given[i].ShutDown) }
		want := 1
		for !free(want-1) || !free(want) {
			want++
		}
		n, told := 0, []Queue(nil)
		err := drained(context.Background(), func() (Queue, error) {
			n++
			return given[n-1], nil
		}, func(q Queue) { told = append(told, q) })
		if err != nil || n != want+1 {
			r.Fatalf("ended after %d of %+v: %v", n, given, err)
		}
		if changes := slices.Compact(slices.Clone(given[:n])); !slices.Equal(told, changes) {
			r.Fatalf("told %+v, want %+v", told, changes)
		}
	})
}

// What is pending at a socket that was shut down can never be accepted.
func TestDrainedAfterShutdown(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	defer unix.Close(connected(t, o.Path))
	must(t, unix.Shutdown(l.Fd(), unix.SHUT_RD))
	must(t, Drained(context.Background(), l, nil))
}

func TestDrainedAndQuietEnd(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	client := connected(t, o.Path)
	for _, wait := range []func(context.Context) error{
		func(ctx context.Context) error { return Drained(ctx, l, nil) },
		func(ctx context.Context) error { return Quiet(ctx, l, time.Hour) },
	} {
		ended, cancel := later(t, wait)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
	must(t, Quiet(context.Background(), l, 0))
	must(t, Quiet(context.Background(), l, 3*time.Millisecond))
	ended, _ := later(t, func(ctx context.Context) error { return Quiet(ctx, l, time.Hour) })
	unix.Close(accepted(t, l))
	must(t, <-ended)
	unix.Close(client)
}

// Drained sees the connections that another process accepted.
func TestDrainedAcrossProcesses(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	d := diag(t)
	_, start := waitingBackend(t, l)
	start()
	client := connected(t, o.Path)
	eventually(t, "accepted", func() bool { return ask(t, d, l) == Queue{Active: 1, Backlog: 64} })
	ended, _ := later(t, func(ctx context.Context) error { return Drained(ctx, l, nil) })
	stillWaits(t, ended)
	unix.Close(client)
	must(t, <-ended)
}
