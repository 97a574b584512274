package process

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// found is the search of this test's shims: it says who is to be found, and as
// whom it looked.
func found(what json.RawMessage) error {
	var who string
	if err := json.Unmarshal(what, &who); err != nil || who == "" {
		return err
	}
	return errors.New(who)
}

// Whoever the search finds blocks the backend, after the lock and before
// anything of it has run; it finds nobody where it is not told to.
func TestSearchBlocks(t *testing.T) {
	b := newBench(t, "")
	s := b.spec("echo ran")
	s.Search = json.RawMessage(`"process 7 is in the way"`)
	if e := b.exit(b.spawn(s, false)); !e.Blocked || e.Text != "process 7 is in the way" || strings.Contains(b.said(), "ran") {
		t.Errorf("%+v, %q", e, b.said())
	}
	s.Search = json.RawMessage(`""`)
	if e := b.exit(b.spawn(s, false)); !e.Clean || !strings.Contains(b.said(), "ran") {
		t.Errorf("%+v, %q", e, b.said())
	}
}

// rivals are two processes that nobody's mark or lock proves, one of which has
// children that another session keeps, and who ignore the stop signal.
func (b *bench) rivals() (who []Rival, all []int) {
	for _, name := range []string{"one", "two"} {
		script := "exec >>" + b.out.Name() + `; setsid sh -c 'trap "" TERM; echo ` + name + `-child $$; while :; do sleep 1; done' & exec sleep 600`
		pid, _, err := syscall.StartProcess("/bin/sh", []string{"sh", "-c", "sh -c '" + strings.ReplaceAll(script, "'", `'\''`) + "' & wait"}, &syscall.ProcAttr{Env: []string{"PATH=/bin:/usr/bin"}})
		if err != nil {
			b.Fatal(err)
		}
		child := b.number(name + "-child")
		b.Cleanup(func() { b.endBelow(pid); syscall.Kill(child, syscall.SIGKILL) })
		who, all = append(who, Rival{pid, b.proved(pid)}), append(all, pid, child)
	}
	return who, all
}

// Rivals are ended as one, by the stop signal and by force, and nobody else is.
func TestTake(t *testing.T) {
	b := newBench(t, "")
	bystander := b.forge(os.Getuid())
	who, all := b.rivals()
	p, err := b.Reaper.Take(who, unix.SIGTERM, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range all {
		if !contains(p.Pids(nil), pid) {
			t.Errorf("process %d is not in %v", pid, p.Pids(nil))
		}
	}
	if contains(p.Members(), bystander) {
		t.Errorf("%v", p.Members())
	}
	b.cheap(p)
	if err := p.Terminate(); err != nil {
		t.Error(err)
	}
	gone(t, []int{all[0], all[2]})
	for _, pid := range []int{all[1], all[3]} {
		if !contains(p.Pids(nil), pid) {
			t.Errorf("process %d, whose parent is gone, is not in %v", pid, p.Pids(nil))
		}
	}
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	b.exit(p)
	gone(t, all)
	if err := syscall.Kill(bystander, 0); err != nil {
		t.Errorf("a bystander was ended: %v", err)
	}
}

// What ends a rival for good takes the place of the stop signal; the signal
// takes its place where it fails.
func TestTakeAsItsMasterWould(t *testing.T) {
	b := newBench(t, "")
	for _, fails := range []error{nil, errors.New("no such program")} {
		pid := b.forge(os.Getuid())
		asked := make(chan struct{})
		p, err := b.Reaper.Take([]Rival{{pid, b.proved(pid)}}, unix.SIGTERM, func() error {
			defer close(asked)
			if fails == nil {
				syscall.Kill(pid, syscall.SIGINT)
			}
			return fails
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Terminate(); err != nil {
			t.Error(err)
		}
		<-asked
		gone(t, []int{pid})
		b.exit(p)
	}
}

// Who is released lives on, and what he leaves behind later is nobody's business.
func TestRelease(t *testing.T) {
	b := newBench(t, "")
	before := descriptors(t)
	for range 20 {
		pid := b.forge(os.Getuid())
		p, err := b.Reaper.Take([]Rival{{pid, b.proved(pid)}}, unix.SIGTERM, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.Release()
		if err := syscall.Kill(pid, 0); err != nil {
			t.Errorf("a rival that was released is dead: %v", err)
		}
		if e, ok := <-p.Exited(); ok {
			t.Errorf("%+v", e)
		}
	}
	if now := descriptors(t); now != before {
		t.Errorf("%d descriptors before, %d after", before, now)
	}
}
