package socket

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func watching(t *testing.T, l *Listener) *Watch {
	t.Helper()
	w, err := OpenWatch()
	must(t, err)
	t.Cleanup(func() { w.Close() })
	must(t, w.Add(l))
	return w
}

// told waits for the watch.
func told(t *testing.T, w *Watch, what string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := w.Wait(ctx); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// settle is what follows a wake: look and watch until all is well and the
// watch has nothing more to tell.
func settle(t *testing.T, w *Watch, d *Diag, l *Listener) {
	t.Helper()
	for range 10 {
		mend(t, d, l)
		must(t, w.Add(l))
		w.again = false
		if worth, err := w.take(); err == nil && !worth {
			return
		}
	}
	t.Fatal("what Mend does never comes to rest")
}

// Each trap that can be seen wakes at once, whatever was mended before.
func TestWatchTells(t *testing.T) {
	everywhere(t, func(t *testing.T, o Options) {
		o.Path = filepath.Join(filepath.Dir(o.Path), "a", "x.sock")
		must(t, Prepare(o))
		dir := filepath.Dir(o.Path)
		l := published(t, o, 1)
		d := diag(t)
		w := watching(t, l)
		for _, step := range []struct {
			what string
			do   func() error
			want Cure
		}{
			{"removed", func() error { return os.Remove(o.Path) }, Cure{Path: true}},
			{"moved", func() error { return os.Rename(o.Path, o.Path+".old") }, Cure{Path: true}},
			{"the moved one removed", func() error { return os.Remove(o.Path + ".old") }, Cure{}},
			{"replaced", func() error { deadSocket(t, o.Path+".dead"); return os.Rename(o.Path+".dead", o.Path) }, Cure{Path: true}},
			{"hidden name removed", func() error { return os.Remove(l.hidden()) }, Cure{Spare: true}},
			{"directory moved", func() error { return os.Rename(dir, dir+".old") }, Cure{Path: true, Spare: true}},
			{"directory removed", func() error { return os.RemoveAll(dir) }, Cure{Path: true, Spare: true}},
		} {
			settle(t, w, d, l)
			must(t, step.do())
			told(t, w, step.what)
			if c := mend(t, d, l); c != step.want {
				t.Errorf("%s: %+v", step.what, c)
			}
		}
		settle(t, w, d, l)
		vandal(t, l, "shutdown")
		told(t, w, "shut down")
		if c := mend(t, d, l); !errors.Is(c.Broken, ErrShutDown) {
			t.Errorf("%+v", c)
		}
		if worth, err := w.take(); worth || err != nil {
			t.Errorf("told twice of a shutdown: %v", err)
		}
	})
}

// That what is in the way goes is told, too.
func TestWatchTellsOfTheObstacle(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	d := diag(t)
	w := watching(t, l)
	must(t, os.Remove(o.Path))
	must(t, os.WriteFile(o.Path, nil, 0o600))
	told(t, w, "removed")
	settle(t, w, d, l)
	must(t, os.Remove(o.Path))
	told(t, w, "file in the way removed")
	if c := mend(t, d, l); c != (Cure{Path: true}) {
		t.Errorf("%+v", c)
	}
}

// visit lets 1000 connections come, wait, and go.
func visit(t *testing.T, l *Listener) {
	t.Helper()
	for range 20 {
		var all []int
		for range 50 {
			all = append(all, connected(t, l.options.Path))
		}
		must(t, unix.Shutdown(all[0], unix.SHUT_RDWR))
		for range 50 {
			all = append(all, accepted(t, l))
		}
		for _, fd := range all {
			unix.Close(fd)
		}
	}
}

// Neither connections nor neighbours wake: the look at what happened is called
// once to find nothing, and then for the shutdown.
func TestWatchSleeps(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	w := watching(t, l)
	settle(t, w, diag(t), l)
	raw, err := w.epoll.SyscallConn()
	must(t, err)
	looks := make(chan int, 1000)
	calls := 0
	ended, _ := later(t, func(ctx context.Context) error {
		return w.wait(ctx, func(f func(uintptr) bool) error {
			return raw.Read(func(fd uintptr) bool { calls++; looks <- calls; return f(fd) })
		})
	})
	<-looks
	c := backend(t, l)
	visit(t, l)
	must(t, l.Relisten())
	for range 100 {
		deadSocket(t, o.Path+"2")
		must(t, os.Rename(o.Path+"2", o.Path+"3"))
		must(t, os.Remove(o.Path+"3"))
	}
	stillWaits(t, ended)
	c.Process.Kill()
	c.Wait()
	if len(looks) != 0 {
		t.Errorf("woken %d times", len(looks))
	}
	vandal(t, l, "shutdown")
	must(t, <-ended)
}

func TestWatchEnds(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	w := watching(t, l)
	settle(t, w, diag(t), l)
	for range 3 {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- w.Wait(ctx) }()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
	late := true // the deadline of a wait that was given up
	must(t, w.wait(context.Background(), func(func(uintptr) bool) error {
		if late {
			late = false
			return os.ErrDeadlineExceeded
		}
		return nil
	}))
	must(t, os.Remove(o.Path))
	told(t, w, "removed after waits that were given up")
	told(t, w, "a second time")
}

// The next generation wakes as well, and the former one's end is harmless.
func TestWatchGenerations(t *testing.T) {
	o := options(t)
	first := published(t, o, 1)
	d := diag(t)
	w := watching(t, first)
	second := published(t, o, 2)
	must(t, first.Close())
	settle(t, w, d, second)
	must(t, os.Remove(o.Path))
	told(t, w, "removed")
	settle(t, w, d, second)
	vandal(t, second, "shutdown")
	told(t, w, "shut down")
	if c := mend(t, d, second); !errors.Is(c.Broken, ErrShutDown) {
		t.Errorf("%+v", c)
	}
}

// A Listener that has the file and not the socket, which others hold.
func TestWatchWithoutTheSocket(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	theirs := &Listener{options: o, generation: 1, fd: -1, file: l.file, dev: l.dev, ino: l.ino, sockIno: l.sockIno}
	w := watching(t, theirs)
	must(t, os.Remove(o.Path))
	told(t, w, "removed")
	if c := mend(t, diag(t), theirs); c != (Cure{Path: true}) {
		t.Errorf("%+v", c)
	}
}

// A user that may not read the file is told so, and has the rest.
func TestWatchWhatCannotBeRead(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	o := options(t)
	o.Mode = 0o222
	l := published(t, o, 1)
	w, err := OpenWatch()
	must(t, err)
	defer w.Close()
	if err := w.Add(l); !errors.Is(err, os.ErrPermission) {
		t.Errorf("error %v", err)
	}
	must(t, w.note(filepath.Dir(o.Path), directoryEvents))
	vandal(t, l, "shutdown")
	told(t, w, "shut down")
}
