package socket

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// hammering lets clients connect all the time; come waits until some more have
// been answered.
type hammering struct {
	end      atomic.Bool
	requests atomic.Int64
	failures chan error
	clients  sync.WaitGroup
}

func hammer(o Options) *hammering {
	h := &hammering{failures: make(chan error, 4)}
	for range cap(h.failures) {
		h.clients.Go(func() {
			for !h.end.Load() {
				if err := request(o.Path); err != nil {
					h.failures <- err
					return
				}
				h.requests.Add(1)
			}
		})
	}
	return h
}

func (h *hammering) come(t *testing.T) {
	t.Helper()
	seen := h.requests.Load()
	eventually(t, "requests go on", func() bool { return h.requests.Load() > seen+8 || len(h.failures) > 0 })
}

func (h *hammering) stop(t *testing.T) {
	t.Helper()
	h.end.Store(true)
	h.clients.Wait()
	close(h.failures)
	for err := range h.failures {
		t.Error(err)
	}
	t.Logf("%d requests", h.requests.Load())
}

// 200 generations replace each other under clients that never stop, as in a
// restart: the next one is served when the former has nothing left. None is
// refused or reset, and each gets its answer.
func TestTCPGenerationsUnderFire(t *testing.T) {
	versions(t, func(t *testing.T, o Options) {
		o.Backlog = 4096
		begin := func(l *Listener) chan struct{} {
			ended := make(chan struct{})
			go func() { serve(l); close(ended) }()
			return ended
		}
		end := func(l *Listener, ended chan struct{}) {
			must(t, Drained(context.Background(), l, nil))
			must(t, unix.Shutdown(l.Fd(), unix.SHUT_RD)) // ends the loop
			<-ended
			must(t, l.Close())
		}
		now := published(t, o, 0)
		ended := begin(now)
		h := hammer(o)
		for n := 1; n <= 200 && len(h.failures) == 0; n++ {
			h.come(t)
			next := published(t, o, n)
			end(now, ended)
			now, ended = next, begin(next)
		}
		h.stop(t)
		end(now, ended)
	})
}

// While clients connect all the time, none comes to a generation before its
// Publish begins, nor after that of the next one has returned.
func TestTCPNoneAtTheWrongGeneration(t *testing.T) {
	versions(t, func(t *testing.T, o Options) {
		o.Backlog = 4096
		var begun, over atomic.Int64
		var servers, clients sync.WaitGroup
		var end atomic.Bool
		var all []*Listener
		publish := func(n int64) {
			l := bound(t, o, int(n))
			all = append(all, l)
			begun.Store(n)
			must(t, l.Publish())
			over.Store(n)
			servers.Go(func() { answerWith(l, byte(n)) })
		}
		publish(0)
		failures, seen := make(chan error, 4), [4]atomic.Int64{}
		for i := range seen {
			clients.Go(func() {
				for !end.Load() {
					least := over.Load()
					by, err := answerOf(o.Path)
					if most := begun.Load(); err != nil || by < least || by > most {
						failures <- fmt.Errorf("generation %d answered, not one of %d to %d: %w", by, least, most, err)
						return
					}
					seen[i].Store(by)
				}
			})
		}
		for n := int64(1); n < 100 && len(failures) == 0; n++ {
			publish(n)
			for i := range seen {
				eventually(t, "it is come to", func() bool { return seen[i].Load() == n || len(failures) > 0 })
			}
		}
		end.Store(true)
		clients.Wait()
		for _, l := range all {
			must(t, unix.Shutdown(l.Fd(), unix.SHUT_RD))
		}
		servers.Wait()
		for len(failures) > 0 {
			t.Error(<-failures)
		}
	})
}

// answerWith serves one byte until the socket is shut down.
func answerWith(l *Listener, b byte) {
	for {
		fd, _, err := unix.Accept4(l.Fd(), unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		unix.Write(fd, []byte{b})
		unix.Close(fd)
	}
}

func answerOf(path string) (int64, error) {
	fd, err := dial(path)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	leaveNoTrace(fd)
	b := make([]byte, 8)
	n, err := unix.Read(fd, b)
	if err == nil && n != 1 {
		err = errors.New("no answer")
	}
	return int64(b[0]), err
}
