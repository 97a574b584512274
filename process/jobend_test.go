package process

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What forked twice and has a session of its own is ended, by SIGKILL where it
// hears nothing else, and holds no lock.
func TestJobLeavesNobody(t *testing.T) {
	b := newBench(t, "")
	o := b.job(`( setsid sh -c 'trap "" TERM HUP; echo deaf $$; > deaf; exec sleep 600' & )
		setsid sh -c 'trap "echo asked; exit" TERM; echo hears $$; > hears; while :; do :; done' &
		until [ -e deaf ] && [ -e hears ]; do :; done; exit 4`)
	out := b.once(o)
	if out.Status != 4 || out.Behind != 2 || !strings.Contains(out.Text, "exit status 4, leaving 2 processes behind") || out.Asked {
		t.Errorf("%+v", out)
	}
	if !strings.Contains(b.said(), "asked") {
		t.Error("one was not asked")
	}
	gone(t, []int{b.number("deaf"), b.number("hears")})
}

func TestJobMaxTime(t *testing.T) {
	for script, status := range map[string]int{
		"exec sleep 600": 143,
		"trap 'exit 5' TERM; while :; do :; done":    5,
		"trap '' TERM; while :; do :; done":          137,
		"kill -STOP $$":                              143, // stopped for ever
		"sleep 600 & trap '' TERM; wait; sleep 600;": 137,
	} {
		b := newBench(t, "")
		o := b.job(script)
		o.MaxTime, o.StopTimeout = 300*time.Millisecond, 300*time.Millisecond
		if out := b.once(o); out.Status != status || !out.Late || !out.Asked || !strings.Contains(out.Text, "after its time of 300ms was over") {
			t.Errorf("%q: %+v", script, out)
		}
	}
}

// A signal to `keepone exec` alone reaches the job, where no terminal sends it.
func TestJobIsTold(t *testing.T) {
	for _, sig := range []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT} {
		b := newBench(t, "")
		o := b.job("trap 'echo told; exit 5' INT TERM HUP QUIT; echo up; while :; do :; done")
		exit := b.run(o, null)
		b.await("up")
		syscall.Kill(b.number("exec"), sig)
		out := b.outcome(o)
		<-exit
		if out.Status != 5 || !out.Asked || strings.Count(b.said(), "told") != 1 || !strings.Contains(b.said(), "note: "+unix.SignalName(sig)) {
			t.Errorf("%s: %+v %q", unix.SignalName(sig), out, b.said())
		}
	}
}

// The shell of a script looks whether the command died of Ctrl-C.
func TestJobDiesOfInterrupt(t *testing.T) {
	b := newBench(t, "")
	o := b.job("echo up; exec sleep 600")
	exit := b.run(o, null)
	b.await("up")
	syscall.Kill(b.number("exec"), unix.SIGINT)
	if status := <-exit; !status.Signaled() || status.Signal() != unix.SIGINT {
		t.Errorf("exec: %v", status)
	}
	if out := b.outcome(o); out.Status != 130 || out.Signal != unix.SIGINT {
		t.Errorf("%+v", out)
	}
}

// Whose caller has another reason gets SIGTERM, and SIGKILL after the timeout.
func TestJobContext(t *testing.T) {
	b := newBench(t, "")
	o := b.job("trap '' TERM; echo up; while :; do sleep 600; done")
	o.StopTimeout = 100 * time.Millisecond
	exit := b.run(o, null)
	b.await("up")
	syscall.Kill(b.number("exec"), unix.SIGUSR1)
	out := b.outcome(o)
	<-exit
	if out.Status != 137 || out.Late || !out.Asked {
		t.Errorf("%+v", out)
	}
}

// nohup is heeded: a signal that was ignored from the beginning ends nothing.
func TestJobIgnoresWhatItWasStartedWith(t *testing.T) {
	b := newBench(t, "")
	o := b.job("echo up; while ! [ -e on ]; do :; done; exit 6")
	exit := b.start([]string{"/bin/sh", "-c", `trap "" HUP; exec "$0" "$@"`, "/proc/" + pidText() + "/exe", "exec", o.argv()[2]}, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{null.Fd(), b.out.Fd(), b.out.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	b.await("up")
	syscall.Kill(b.number("exec"), unix.SIGHUP)
	if err := os.WriteFile(b.dir+"/on", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	out := b.outcome(o)
	<-exit
	if out.Status != 6 || out.Asked {
		t.Errorf("%+v", out)
	}
}

// A job whose `keepone exec` was killed goes on and holds the lock, until
// somebody ends it by its mark, whoever shows another.
func TestEndJobs(t *testing.T) {
	b := newBench(t, "")
	o := b.job(`trap '' TERM; ( setsid sh -c 'echo child $$; exec sleep 600' & ); env -i /bin/sh -c 'echo job $$; while :; do sleep 600; done'; :`)
	exit := b.run(o, null)
	job, child := b.number("job"), b.number("child")
	other, otherExit, err := b.Reaper.start(func() (int, error) {
		return syscall.ForkExec("/bin/sleep", []string{"sleep", "600"}, &syscall.ProcAttr{Env: []string{"KEEPONE_JOB=" + o.Mark + "2:site"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	syscall.Kill(b.number("exec"), unix.SIGKILL)
	<-exit
	if !locked(o.Lock) {
		t.Error("the job has lost its lock")
	}
	user := max(o.Spec.UID, 0)
	if os.Getuid() == 0 {
		if left := EndJobs(o.Mark, 12345); len(left) != 0 || !locked(o.Lock) {
			t.Errorf("the job of user %d counts as another's", user)
		}
	}
	if left := EndJobs(o.Mark, o.Spec.UID); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	gone(t, []int{job, child})
	if locked(o.Lock) {
		t.Error("somebody has the lock")
	}
	select {
	case status := <-otherExit:
		t.Errorf("the other one ended, too: %v", status)
	default:
	}
	syscall.Kill(other, unix.SIGKILL)
	<-otherExit
}

// A child that was there before is no job's, and its number may be later.
func TestOffspring(t *testing.T) {
	b := newBench(t, "")
	s := newScan()
	defer s.free()
	pid, exit, err := b.Reaper.start(func() (int, error) {
		return syscall.ForkExec("/bin/sleep", []string{"sleep", "600"}, &syscall.ProcAttr{})
	})
	if err != nil {
		t.Fatal(err)
	}
	o := offspring{before: []int{pid}}
	if slices.Contains(o.all(s, nil), pid) {
		t.Error("a child that was there before counts")
	}
	o.before = nil
	if !slices.Contains(o.all(s, nil), pid) {
		t.Error("a child does not count")
	}
	syscall.Kill(pid, unix.SIGKILL)
	<-exit
}
