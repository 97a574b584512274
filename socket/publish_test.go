package socket

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

func stat(t *testing.T, path string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Lstat(path, &st))
	return st
}

// The mode is what was asked for under any umask, and was never another one
// that lets somebody in: a thread looks at the file all the while.
func TestModeFromBirth(t *testing.T) {
	o := options(t)
	old := unix.Umask(0)
	defer unix.Umask(old)
	for i, umask := range []int{0, 0o022, 0o077, 0o777} {
		for _, mode := range []os.FileMode{0o660, 0o600, 0o666} {
			unix.Umask(umask)
			o.Mode = mode
			var stop atomic.Bool
			var wrong atomic.Uint32
			var watch sync.WaitGroup
			hidden := (&Listener{options: o, generation: i}).hidden()
			watch.Go(func() {
				var st unix.Stat_t
				for !stop.Load() {
					if unix.Lstat(hidden, &st) == nil && st.Mode&0o777 != 0 && st.Mode&0o777 != uint32(mode) {
						wrong.Store(st.Mode)
					}
				}
			})
			l := bound(t, o, i)
			must(t, l.Publish())
			stop.Store(true)
			watch.Wait()
			if got := stat(t, o.Path).Mode; got != unix.S_IFSOCK|uint32(mode) || wrong.Load() != 0 {
				t.Errorf("umask %o: mode %o, want %o; meanwhile %o", umask, got, mode, wrong.Load())
			}
			must(t, l.Close())
		}
	}
}

func TestOwner(t *testing.T) {
	root(t, "chown")
	o := options(t)
	o.UID, o.GID = 4711, 4712
	published(t, o, 1)
	if st := stat(t, o.Path); st.Uid != 4711 || st.Gid != 4712 || st.Mode&0o777 != 0o660 {
		t.Errorf("owner %d:%d mode %o", st.Uid, st.Gid, st.Mode)
	}
}

func TestOwnerRefused(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may give files away")
	}
	o := options(t)
	o.UID = 0
	if _, err := Bind(o, 1); !errors.Is(err, unix.EPERM) {
		t.Errorf("error %v", err)
	}
	if left, _ := os.ReadDir(filepath.Dir(o.Path)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// serve accepts and closes until the socket is shut down.
func serve(l *Listener) {
	for {
		fd, _, err := unix.Accept4(l.Fd(), unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		unix.Write(fd, []byte("x"))
		unix.Close(fd)
	}
}

// serving publishes a generation with an accept loop; stop ends both once
// nothing is left in it.
func serving(t *testing.T, o Options, generation int) (stop func()) {
	t.Helper()
	l := published(t, o, generation)
	ended := make(chan struct{})
	go func() { serve(l); close(ended) }()
	return func() {
		t.Helper()
		must(t, Drained(context.Background(), l, nil))
		must(t, unix.Shutdown(l.Fd(), unix.SHUT_RD)) // ends the loop
		<-ended
		must(t, l.Withdraw()) // replaced: must leave the path alone
		must(t, l.Close())
	}
}

// 200 generations replace each other under clients that never stop; each
// client gets its answer.
func TestGenerationsUnderFire(t *testing.T) {
	o := options(t)
	o.Backlog = 4096
	stop := serving(t, o, 0)
	var clients sync.WaitGroup
	var end atomic.Bool
	var requests atomic.Int64
	failures := make(chan error, 3)
	for range 3 {
		clients.Go(func() {
			for !end.Load() {
				if err := request(o.Path); err != nil {
					failures <- err
					return
				}
				requests.Add(1)
			}
		})
	}
	for n := 1; n <= 200; n++ {
		former := stop
		stop = serving(t, o, n)
		former()
		seen := requests.Load()
		eventually(t, "requests go on", func() bool { return requests.Load() > seen || len(failures) > 0 })
	}
	end.Store(true)
	clients.Wait()
	stop()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	t.Logf("%d requests", requests.Load())
}

// request connects and waits for the answer.
func request(path string) error {
	fd, err := dial(path)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	leaveNoTrace(fd)
	n, err := unix.Read(fd, make([]byte, 8))
	if err == nil && n != 1 {
		return errors.New("no answer")
	}
	return err
}

func TestWithdrawAndClose(t *testing.T) {
	o := options(t)
	first := published(t, o, 1)
	second := bound(t, o, 2)
	must(t, second.Withdraw())
	if stat(t, o.Path).Ino != first.ino {
		t.Fatal("the path is not the first generation's")
	}
	must(t, second.Close())
	must(t, second.Close())
	if _, err := os.Lstat(second.hidden()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("hidden name: %v", err)
	}
	must(t, first.Withdraw())
	must(t, first.Withdraw())
	if _, err := os.Lstat(o.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("path: %v", err)
	}
	must(t, os.WriteFile(o.Path, []byte("precious"), 0o600))
	must(t, first.Withdraw())
	if _, err := os.ReadFile(o.Path); err != nil {
		t.Error(err)
	}
}

// Something that came to the path after Prepare is not renamed over.
func TestPublishSparesOthers(t *testing.T) {
	o := options(t)
	l := bound(t, o, 1)
	must(t, os.WriteFile(o.Path, []byte("precious"), 0o600))
	if err := l.Publish(); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("error %v", err)
	}
	must(t, os.Remove(o.Path))
	must(t, l.Publish())
}
