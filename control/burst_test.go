package control

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestNoMorePlacesThanThereAre(t *testing.T) {
	begun, release := make(chan struct{}, shared+reserved), make(chan struct{})
	path := serve(t, Access{}, func(context.Context, Request) Answer {
		begun <- struct{}{}
		<-release
		return Answer{}
	})
	var asked sync.WaitGroup
	for range shared + reserved {
		asked.Go(func() {
			if a := ask(t, path, "restart"); a.Error != "" {
				t.Errorf("%+v", a)
			}
		})
		wait(t, begun)
	}
	if a := ask(t, path, "status"); a.Error != "cannot answer: 64 requests are under way" {
		t.Errorf("one too many: %+v", a)
	}
	close(release)
	asked.Wait()
}

func TestManyParallelClients(t *testing.T) {
	path := serve(t, Access{}, echo)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			op := "x" + strings.Repeat("y", i%20)
			a := ask(t, path, op)
			for strings.Contains(a.Error, "under way") {
				runtime.Gosched()
				a = ask(t, path, op)
			}
			if want := fmt.Sprintf(`{"op":%q}`, op); string(a.Body) != want {
				t.Errorf("%+v; want %s", a, want)
			}
		})
	}
	all.Wait()
}

func TestBurstLeavesNoMemoryBehind(t *testing.T) {
	path := serve(t, Access{}, echo)
	measure := func(n int) (heap uint64, routines int) {
		for range n {
			ask(t, path, "status")
		}
		var m runtime.MemStats
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end) && runtime.NumGoroutine() > 5; {
			runtime.Gosched() // the last connection is being closed
		}
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, runtime.NumGoroutine()
	}
	before, few := measure(100)
	after, many := measure(2000)
	if after > before+64<<10 || many > few {
		t.Errorf("before %d bytes and %d goroutines, after %d and %d", before, few, after, many)
	}
}

func TestPathsThatLeadNowhere(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	if _, err := Ask(ctx, filepath.Join(dir, "none"), Request{Op: "status"}); !errors.Is(err, os.ErrNotExist) ||
		!strings.Contains(err.Error(), "cannot reach keepone at "+dir) {
		t.Errorf("nothing there: %v", err)
	}
	long := filepath.Join(dir, long('x', 108))
	_, err := Ask(ctx, long, Request{Op: "status"})
	_, also := Listen(long, Access{}, -1)
	for _, err := range []error{err, also} {
		if err == nil || !strings.Contains(err.Error(), "choose a shorter one") {
			t.Errorf("a path too long: %v", err)
		}
	}
}
