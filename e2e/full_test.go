package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFullRunDirectory: a file system with no room left, where the state file cannot be written, costs no request; a
// keepone that is killed then still finds its backend by what it wrote last, or says whom it found.
func TestFullRunDirectory(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["drain.patience"] = "100ms"
	s := newSite(t, plan{front: "lighttpd", command: command, settings: set})
	s.must(os.MkdirAll(s.run, 0o755), syscall.Mount("keepone-e2e", s.run, "tmpfs", 0, "size=256k,mode=755"))
	t.Cleanup(func() {
		if err := syscall.Unmount(s.run, syscall.MNT_DETACH); err != nil {
			t.Errorf("cannot unmount %s: %v", s.run, err)
		}
	})
	s.startKeepone()
	s.await("up")
	s.startWeb()
	l := openLoop(t, s.url, everyday...)
	fill(t, filepath.Join(s.run, "filler"))
	for range 3 {
		s.do("restart-backend")
	}
	l.lossless(t)
	if log := tail(filepath.Join(s.dir, "keepone.log")); !strings.Contains(log, "cannot write the state") || !strings.Contains(log, "no space left") {
		t.Errorf("the log does not say that the state cannot be written:\n%s", log)
	}
	s.must(os.Remove(filepath.Join(s.run, "filler")))
	s.do("restart-backend") // and now it can be
	before := s.await("up")
	s.killKeepone()
	s.startKeepone()
	if st := s.await("up"); st.Backend.PID != before.Backend.PID {
		t.Errorf("backend %d before, %d after", before.Backend.PID, st.Backend.PID)
	}
}

// fill takes all the room that is left, to the last byte.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

// TestKilledWhileStopping: a stop that an operator asked for goes on under the next keepone.
func TestKilledWhileStopping(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["stop.timeout"] = "2s"
	s := newRunningSite(t, plan{front: "lighttpd", command: append(command, "ignore-sigterm"), settings: set})
	cli := s.background("stop-backend")
	s.await("stopping")
	s.killKeepone()
	cli.Wait() // it was told nothing
	s.startKeepone()
	if st := s.await("down"); st.Backend.PID != 0 {
		t.Errorf("process %d runs", st.Backend.PID)
	}
	s.do("start-backend")
	if o := ask(newClient(), s.url, "/fast"); o.err != nil {
		t.Error(o.err)
	}
}
