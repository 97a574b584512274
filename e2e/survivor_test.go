package e2e

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestSingleAdopt: what becomes of a backend that outlived its keepone is the operator's choice.
func TestSingleAdopt(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["single.adopt"] = "refuse"
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	old := s.await("up").Backend.PID
	s.killKeepone()
	if a := s.keepone("run"); a.code != 1 || !strings.Contains(a.err, itoa(old)) || !strings.Contains(a.err, "single.adopt") {
		t.Errorf("exit code %d, and stderr should name pid %d and single.adopt:\n%s", a.code, old, a.err)
	}
	if o := ask(newClient(), s.url, "/fast"); o.err != nil || o.backend != old {
		t.Errorf("after the refusal: answered by %d, %v", o.backend, o.err)
	}
	set["single.adopt"] = "replace"
	s.configure(set)
	l := openLoop(t, s.url, everyday...)
	s.startKeepone()
	st := s.awaitThat("it is replaced", func(st state) bool { return st.State == "up" && st.Backend.PID != old })
	if st.Restarts.Last.Reason != "adopted" {
		t.Errorf("%+v", st.Restarts)
	}
	l.lossless(t)

	// What cannot be proved by the state file is ended by its mark, where it is to be replaced.
	s.killKeepone()
	s.must(os.Truncate(s.run+"/state", 10))
	s.startKeepone()
	if now := s.await("up").Backend.PID; now == st.Backend.PID {
		t.Error("it was not replaced")
	}
	if o := ask(newClient(), s.url, "/fast"); o.err != nil {
		t.Error(o.err)
	}
}

// TestOrphans: keepone and the leader are killed together, and the leader's children serve on. The next keepone ends them
// before it starts another leader: the fixtures' lock would tell.
func TestOrphans(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "php-cgi")
	s := newRunningSite(t, plan{front: "lighttpd", command: command, settings: set})
	for range 3 {
		st := s.await("up")
		s.must(s.supervisor.cmd.Process.Signal(syscall.SIGSTOP))
		s.kill(st.Backend.PID)
		s.killKeepone()
		s.startKeepone()
		s.await("up")
		if o := ask(newClient(), s.url, "/fast"); o.err != nil {
			t.Error(o.err)
		}
	}
}

// withoutGetfd is what this test binary does first where it is asked to: what Yama forbids an ordinary user,
// pidfd_getfd(2) of a process that is none of its own, is forbidden by a seccomp filter, and the rest becomes the command.
const withoutGetfd = "E2E_WITHOUT_GETFD"

func forbidGetfd() {
	runtime.LockOSThread() // a filter is the thread's
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: unix.SYS_PIDFD_GETFD},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		panic(err)
	}
	os.Unsetenv(withoutGetfd)
	panic(syscall.Exec(os.Args[1], os.Args[1:], os.Environ()))
}

// TestSocketCannotBeTaken: the backend of a killed keepone keeps its socket to itself, so it is drained to another one, and
// nobody loses anything.
func TestSocketCannotBeTaken(t *testing.T) { cannotBeTaken(t, "") }

func cannotBeTaken(t *testing.T, at string) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	set["drain.patience"] = "200ms"
	s := newRunningSite(t, plan{front: "lighttpd", command: command, at: at, settings: set})
	knocked := s.knock(t, 5*time.Millisecond)
	l := openLoop(t, s.url, everyday...)
	self, err := os.Executable()
	s.must(err)
	for range 3 {
		old := s.await("up")
		s.killKeepone()
		p, err := start(s.dir+"/keepone.log", append(s.environ(), withoutGetfd+"=1"), -1, self, keepone, "run", "-c", s.config, "--run-dir", s.run)
		s.must(err)
		s.supervisor, s.groups = p, append(s.groups, p.pid())
		st := s.awaitThat("another backend is up", func(st state) bool { return st.State == "up" && st.Backend.PID != old.Backend.PID })
		if st.Restarts.Last.Reason != "adopted" {
			t.Errorf("%+v", st.Restarts)
		}
	}
	l.lossless(t)
	if n, err := knocked(); err != nil {
		t.Errorf("after %d connections: %v", n, err)
	}
}

// TestKilledAtAnyMoment: keepone is killed at a random moment of a start, again and again. Two interpreters never run, and
// the next keepone always gets the site up.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "threaded.py")
	s := newSite(t, plan{command: command, settings: set})
	for i := range 25 {
		s.startKeepone()
		time.Sleep(time.Duration(i*3) * time.Millisecond) // no proof: a moment is as good as another
		s.killKeepone()
	}
	s.startKeepone()
	s.await("up")
	for i := range 15 {
		cli := s.background("restart-backend")
		time.Sleep(time.Duration(i*4) * time.Millisecond)
		s.killKeepone()
		s.startKeepone()
		s.await("up")
		if err := cli.Wait(); err != nil {
			if _, told := err.(*exec.ExitError); !told {
				t.Error(err)
			}
		}
	}
}
