package socket

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Another process listens again with a small number.
func TestMendBacklog(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	d := diag(t)
	for _, isPublished := range []bool{true, false} {
		vandal(t, l, "listen")
		if q := ask(t, d, l); q.Backlog != 5 {
			t.Fatalf("%+v", q)
		}
		if c, err := d.Mend(l, isPublished); err != nil || c != (Cure{Backlog: true}) {
			t.Errorf("%+v, %v", c, err)
		}
		if q := ask(t, d, l); q.Backlog != 64 {
			t.Errorf("%+v", q)
		}
	}
}

// What net.core.somaxconn cuts is not taken for a trap.
func TestMendBacklogBeyondTheKernels(t *testing.T) {
	o := options(t)
	o.Backlog = 1 << 30
	l := published(t, o, 1)
	d := diag(t)
	most := ask(t, d, l).Backlog
	if most == o.Backlog {
		t.Skip("nothing is cut here")
	}
	for range 2 {
		if c := mend(t, d, l); c != (Cure{}) || l.upkeep.most != most {
			t.Errorf("%+v, %d", c, l.upkeep.most)
		}
	}
	vandal(t, l, "listen")
	if c := mend(t, d, l); c != (Cure{Backlog: true}) || ask(t, d, l).Backlog != most {
		t.Errorf("%+v", c)
	}
}

func TestMendShutDown(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	d := diag(t)
	vandal(t, l, "shutdown")
	if c := mend(t, d, l); !errors.Is(c.Broken, ErrShutDown) || c != (Cure{Broken: c.Broken}) || !strings.Contains(c.Broken.Error(), o.Path) {
		t.Errorf("%+v", c)
	}
	next := published(t, o, 2)
	if c := mend(t, d, next); c != (Cure{}) {
		t.Errorf("%+v", c)
	}
	unix.Close(connected(t, o.Path))
}

// Not at the path by right: a former generation does not take it back.
func TestMendUnpublished(t *testing.T) {
	o := options(t)
	first := published(t, o, 1)
	second := published(t, o, 2)
	d := diag(t)
	for _, withdraw := range []func() error{func() error { return nil }, second.Withdraw} {
		must(t, withdraw())
		for _, l := range []*Listener{first, second} {
			if c, err := d.Mend(l, false); c != (Cure{}) || err != nil {
				t.Errorf("generation %d: %+v, %v", l.generation, c, err)
			}
		}
	}
	if _, err := os.Lstat(o.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("put back: %v", err)
	}
}

// A Listener whose file was never found cannot be put back.
func TestMendWithoutFile(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	a := &Listener{options: o, generation: 1, fd: l.fd, file: -1, sockIno: l.sockIno}
	d := diag(t)
	must(t, os.Remove(o.Path))
	if c := mend(t, d, a); !errors.Is(c.Broken, errNoFile) {
		t.Errorf("%+v", c)
	}
}

// dropFowner gives up CAP_FOWNER in this goroutine and its thread, which end
// together.
func dropFowner() error {
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	data[0].Effective &^= 1 << unix.CAP_FOWNER
	return unix.Capset(&header, &data[0])
}

// As root without CAP_FOWNER a file that was given away can have no second
// name: published by rename, as a file system without hard links has it.
func TestNoSecondName(t *testing.T) {
	root(t, "chown")
	o := options(t)
	o.UID = 4711
	l := bound(t, o, 1)
	d := diag(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := dropFowner(); err != nil {
			t.Error(err)
			return
		}
		if err := l.Publish(); err != nil || !l.Published() {
			t.Errorf("not published: %v", err)
			return
		}
		for range 2 {
			if c, err := d.Mend(l, true); c != (Cure{}) || err != nil || !l.upkeep.alone {
				t.Errorf("%+v, %v, alone %v", c, err, l.upkeep.alone)
			}
		}
		if n := testing.AllocsPerRun(100, func() { d.Mend(l, true) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}()
	<-ended
	if _, err := os.Lstat(l.hidden()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("hidden name: %v", err)
	}
	must(t, os.Remove(o.Path))
	if c := mend(t, d, l); !errors.Is(c.Broken, errNoName) {
		t.Errorf("%+v", c)
	}
	must(t, l.Close())
}

func TestMendAllocatesNothing(t *testing.T) {
	o := options(t)
	l := published(t, o, 1)
	d := diag(t)
	for _, isPublished := range []bool{true, false} {
		if n := testing.AllocsPerRun(100, func() { d.Mend(l, isPublished) }); n != 0 {
			t.Errorf("published %v: %v allocations", isPublished, n)
		}
	}
}

// What crashes left goes with the next Bind: dead sockets under names of this
// path's generations, and nothing else.
func TestLeftovers(t *testing.T) {
	o := options(t)
	live := bound(t, o, 3)
	dir := strings.TrimSuffix(o.Path, "x.sock")
	gone := []string{".x.sock.g2", ".x.sock.g7", ".x.sock.g7.new", ".x.sock.g0"}
	kept := []string{".x.sock.g05", ".x.sock.g", ".x.sock.g-1", ".x.sock.g8.old", ".y.sock.g1", "x.sock.g1", "x.sock"}
	for _, name := range append(gone, kept...) {
		deadSocket(t, dir+name)
	}
	must(t, os.WriteFile(dir+".x.sock.g4", nil, 0o600))
	must(t, live.link(live.temporary()))
	must(t, live.linkOver(o.Path)) // its own leftover is not in the way
	must(t, live.linkOver(o.Path)) // nor is it itself
	must(t, os.Remove(o.Path))
	deadSocket(t, o.Path)
	must(t, live.link(live.temporary()))
	bound(t, o, 9)
	have := map[string]bool{}
	for _, name := range names(t, o) {
		have[name] = true
	}
	for _, name := range append(kept, ".x.sock.g3", ".x.sock.g3.new", ".x.sock.g4", ".x.sock.g9") {
		if !have[name] {
			t.Errorf("%s is gone", name)
		}
		delete(have, name)
	}
	if len(have) != 0 {
		t.Errorf("left: %v", have)
	}
	deadSocket(t, dir+".x.sock.g2")
	must(t, live.Withdraw())
	if _, err := os.Lstat(dir + ".x.sock.g2"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Withdraw: %v", err)
	}
	must(t, live.Close())
	if _, err := os.Lstat(live.temporary()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("temporary name: %v", err)
	}
}
