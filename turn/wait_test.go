package turn

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// holder starts a shell that holds the lock, as a job does, until end is called.
func holder(t *testing.T, path string) (pid int, end func()) {
	t.Helper()
	f, err := Wait(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return keep(t, f)
}

// keep starts a shell that has the opening at a job's descriptor.
func keep(t *testing.T, f *os.File) (pid int, end func()) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "echo up; read x; exit 0")
	cmd.ExtraFiles = make([]*os.File, jobsFrom-2)
	cmd.ExtraFiles[jobsFrom-3] = f
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
		t.Fatalf("%q, %v", line, err)
	}
	end = sync.OnceFunc(func() {
		in.Close()
		cmd.Wait()
	})
	t.Cleanup(end)
	return cmd.Process.Pid, end
}

// Who waits hears for whom, once, and has its turn when that one is gone.
func TestWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turn")
	opened, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	keep(t, opened) // older, and holds nothing
	pid, end := holder(t, path)
	told := make(chan Holder, 10)
	taken := make(chan *os.File)
	go func() {
		f, err := Wait(t.Context(), path, func(h Holder) { told <- h })
		if err != nil {
			t.Error(err)
		}
		taken <- f
	}()
	h := <-told
	if h.PID != pid || !strings.HasPrefix(h.Command, "sh -c echo up") || h.fd != jobsFrom {
		t.Errorf("%+v", h)
	}
	if age := time.Since(h.Since); age < -time.Second || age > time.Hour {
		t.Errorf("started %s ago", age)
	}
	end()
	f := <-taken
	defer f.Close()
	if len(told) != 0 {
		t.Errorf("told again: %+v", <-told)
	}
	if st, err := f.Stat(); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
}

// A timeout names the holder, and even one of nothing tries once.
func TestWaitTimeout(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turn")
	over, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	f, err := Wait(over, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	_, end := holder(t, path)
	for _, timeout := range []time.Duration{0, 50 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		_, err = Wait(ctx, path, nil)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "cannot have a turn: it is that of process ") {
			t.Errorf("%s: %v", timeout, err)
		}
	}
	end()
}

// A lock whose file somebody removes meanwhile is none: there is one turn.
func TestWaitForFileThatIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turn")
	f, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(os.Remove(path), flock(f)); err != nil {
		t.Fatal(err)
	}
	if current(f, path) {
		t.Error("a removed file counts")
	}
	got, err := Wait(t.Context(), path, nil)
	if err != nil || !current(got, path) {
		t.Fatalf("%v", err)
	}
	got.Close()
}

// What is at the path and no lock is neither followed, waited for nor written.
func TestWaitRefuses(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	for name, make := range map[string]func(path string) error{
		"link":      func(path string) error { return os.Symlink(target, path) },
		"fifo":      func(path string) error { return unix.Mkfifo(path, 0o600) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		path := filepath.Join(dir, name)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		if f, err := Wait(t.Context(), path, nil); err == nil {
			f.Close()
			t.Errorf("a %s is a lock", name)
		}
	}
	if _, err := os.Stat(target); err == nil {
		t.Error("a link was followed")
	}
	loose := filepath.Join(dir, "loose")
	if err := os.WriteFile(loose, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	os.Chmod(loose, 0o666)
	f, err := Wait(t.Context(), loose, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("anybody may lock it: %v", st.Mode())
	}
}

// The job is named rather than who took the lock for it, or a fork.
func TestHolderIsTheJob(t *testing.T) {
	exec, job := Holder{PID: 5, start: 10, fd: 8}, Holder{PID: 9, start: 20, fd: 190}
	fork, child := Holder{PID: 3, start: 30, fd: 190}, Holder{PID: 10, start: 20, fd: 191}
	for _, other := range []Holder{{}, exec, fork, child} {
		if !job.before(other) || other.PID != 0 && other.before(job) {
			t.Errorf("%+v before the job", other)
		}
	}
	for text, want := range map[string]Holder{
		"a process that cannot be seen from here": {},
		"process 4711 (python3 manage.py migrate), which has been running for 3 min": {
			PID: 4711, Command: "python3 manage.py migrate", Since: time.Now().Add(-200 * time.Second),
		},
		"process 4711 (x), which has been running for 5 h": {PID: 4711, Command: "x", Since: time.Now().Add(-5*time.Hour - time.Minute)},
	} {
		if want.String() != text {
			t.Errorf("%q, not %q", want, text)
		}
	}
}

// A name is for one line of a message.
func TestHolderCommand(t *testing.T) {
	cmd := exec.Command("sh", "-c", "echo up; read x; : \x1b[2J\n"+strings.Repeat("é", 100))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	bufio.NewReader(out).ReadString('\n')
	if c := command(cmd.Process.Pid); !strings.Contains(c, ": ?[2J?éé") || !strings.HasSuffix(c, "é...") || len(c) > commandLimit+3 {
		t.Errorf("%q", c)
	}
	pid := cmd.Process.Pid
	start, ok := started(pid)
	if h := (Holder{PID: pid, start: start}); !ok || !h.lives() || (Holder{PID: pid, start: start + 1}).lives() {
		t.Errorf("%+v", h)
	}
	in.Close()
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if (Holder{PID: pid, start: start}).lives() {
		t.Error("a zombie lives")
	}
	cmd.Wait()
	if (Holder{PID: pid, start: start}).lives() {
		t.Error("it lives")
	}
}
