package process

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWhatTheBackendIsGiven(t *testing.T) {
	trees(t, func(b *bench) {
		t := b.T
		s := b.spec("pwd; umask; env | sort; readlink /proc/self/fd/0; echo $(ls /proc/$$/fd); ulimit -n; ulimit -Hn; nice")
		nice := 5
		s.Limits, s.Nice, s.Umask = map[string]uint64{"nofile": 99}, &nice, 0o027
		if e := b.exit(b.spawn(s, false)); !e.Clean {
			t.Fatal(e)
		}
		want := b.dir + "\n0027\nA=b c\n"
		got := strings.Replace(b.said(), "PATH=/usr/bin:/bin\nPWD="+b.dir+"\n", "", 1)
		if !strings.HasPrefix(got, want) || !strings.Contains(got, "socket:[") || !strings.Contains(got, "\n0 1 2 200 3\n99\n") || !strings.HasSuffix(got, "99\n99\n5\n") {
			t.Errorf("got %q", got)
		}
	})
}

func TestListenFDs(t *testing.T) {
	b := newBench(t, "")
	s := b.spec(`echo "$LISTEN_FDS $((LISTEN_PID - $$))"; readlink /proc/self/fd/3 /proc/self/fd/0`)
	s.Handoff = ListenFDs
	if e := b.exit(b.spawn(s, false)); !e.Clean {
		t.Fatal(e)
	}
	if got := b.said(); !strings.HasPrefix(got, "1 0\nsocket:[") || !strings.HasSuffix(got, "]\n/dev/null\n") {
		t.Errorf("got %q", got)
	}
}

func TestCredentials(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	b := newBench(t, "")
	if err := os.Chmod(b.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := b.spec("id -u; id -g; id -G; grep -h NoNewPrivs /proc/self/status; cat /proc/self/oom_score_adj")
	adj := 300
	s.Dir, s.UID, s.GID, s.Groups, s.OOMScoreAdj = "/", 12345, 12346, []int{12346, 12347}, &adj
	if e := b.exit(b.spawn(s, false)); !e.Clean {
		t.Fatal(e)
	}
	if got := b.said(); got != "12345\n12346\n12346 12347\nNoNewPrivs:\t0\n300\n" {
		t.Errorf("got %q", got)
	}
}

// A held shim runs nothing before it has the word, and holds the socket when
// its parent's end of the pipe goes away.
func TestHold(t *testing.T) {
	trees(t, func(b *bench) {
		t := b.T
		p := b.spawn(b.spec("echo ran"), true)
		if locked(filepath.Join(b.dir, "lock")) {
			t.Error("the lock is held before the word")
		}
		if err := p.Go(); err != nil {
			t.Fatal(err)
		}
		if e := b.exit(p); !e.Clean || b.said() != "ran\n" {
			t.Errorf("%+v, %q", e, b.said())
		}
		q := b.spawn(b.spec("echo never"), true)
		q.word.Close() // as if keepone had died
		q.word = nil
		awaitIdle(t, q.PID())
		if b.said() != "ran\n" {
			t.Errorf("it ran without the word: %q", b.said())
		}
		q.Kill()
		if e := b.exit(q); e.Text != "killed by SIGKILL" {
			t.Errorf("%+v", e)
		}
	})
}

// awaitIdle waits until the shim sleeps in pause(2), its last station.
func awaitIdle(t *testing.T, pid int) {
	t.Helper()
	for range 1000 {
		text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/syscall")
		if strings.HasPrefix(string(text), strconv.Itoa(unix.SYS_PAUSE)+" ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the shim does not wait")
}

func TestLockSaysBlocked(t *testing.T) {
	b := newBench(t, "")
	first := b.spawn(b.spec("echo one; exec sleep 60"), false)
	b.await("one")
	if e := b.exit(b.spawn(b.spec("echo two"), false)); !e.Blocked || strings.Contains(b.said(), "two") {
		t.Errorf("a second backend: %+v, %q", e, b.said())
	}
	first.Terminate()
	if e := b.exit(first); e.Text != "killed by SIGTERM" || locked(filepath.Join(b.dir, "lock")) {
		t.Errorf("%+v", e)
	}
}

func TestWhatCannotRun(t *testing.T) {
	b := newBench(t, "")
	for _, c := range []struct {
		name, want string
		spoil      func(*Spec)
	}{
		{"no program", "cannot find no-such-program in PATH", func(s *Spec) { s.Argv[0] = "no-such-program" }},
		{"no file", "cannot run ./none: no such file", func(s *Spec) { s.Argv[0] = "./none" }},
		{"no directory", "cannot change to directory /none: no such file", func(s *Spec) { s.Dir = "/none" }},
		{"not executable", "cannot run ./out: permission denied", func(s *Spec) { s.Argv[0] = "./out" }},
		{"a limit too high", "cannot set the limit nofile", func(s *Spec) { s.Limits = map[string]uint64{"nofile": 1 << 40} }},
	} {
		s := b.spec("true")
		c.spoil(&s)
		if e := b.exit(b.spawn(s, false)); !strings.Contains(e.Text, c.want) || e.Clean || e.Blocked {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
}

// What forks away, calls setsid, ignores the stop signal and closes every
// descriptor is still found and ended.
func TestWholeTree(t *testing.T) {
	trees(t, func(b *bench) {
		t := b.T
		away := `trap '' TERM; exec 0<&- 1>&- 2>&-; sleep 600 & sleep 600 & wait`
		s := b.spec(`setsid sh -c "` + away + `" & (setsid setsid sleep 600 &) ; echo $$; exec sleep 600`)
		p := b.spawn(s, false)
		b.await(strconv.Itoa(p.PID()))
		var pids []int
		for range 1000 {
			if pids = p.Pids(nil); len(pids) >= 5 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if len(pids) < 5 || !slices.Contains(pids, p.PID()) {
			t.Fatalf("the tree is %v", pids)
		}
		p.Kill()
		if e := b.exit(p); !strings.HasPrefix(e.Text, "killed by SIGKILL") {
			t.Errorf("%+v", e)
		}
		gone(t, pids)
	})
}

// gone waits until the dead have been reaped, too.
func gone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		err := syscall.Kill(pid, 0)
		for n := 0; n < 1000 && err == nil; n++ {
			time.Sleep(10 * time.Millisecond)
			err = syscall.Kill(pid, 0)
		}
		if err != syscall.ESRCH {
			t.Errorf("process %d is still there: %v", pid, err)
		}
	}
}

// A program that goes to the background is ended, and the operator is told.
func TestForksAway(t *testing.T) {
	trees(t, func(b *bench) {
		t := b.T
		p := b.spawn(b.spec("setsid sleep 600 & exit 0"), false)
		if e := b.exit(p); e.Clean || !strings.Contains(e.Text, "leaving 1 processes behind") || !strings.Contains(e.Text, "foreground") {
			t.Errorf("%+v", e)
		}
	})
}
