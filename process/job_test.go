package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var null, _ = os.OpenFile(os.DevNull, os.O_RDWR, 0)

// An order is what the test binary runs as `keepone exec`, a process of its own.
type order struct {
	Spec                 Spec
	Mark                 string
	MaxTime, StopTimeout time.Duration
	Lock, Result         string // files
	Weighs               uint64 // what each process does; then there is a file "weighed"
}

type outcome struct {
	JobExit
	Error string
}

// execute ends with the job. SIGUSR1 ends its context.
func execute(text string) {
	var o order
	err := json.Unmarshal([]byte(text), &o)
	lock, errLock := lockFile(o.Lock)
	if err = errors.Join(err, errLock); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "exec", os.Getpid())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGUSR1)
	defer stop()
	job := Job{
		Name: "site", Spec: o.Spec, Mark: o.Mark, Locks: []*os.File{lock}, MaxTime: o.MaxTime, StopTimeout: o.StopTimeout,
		Note: func(text string) { fmt.Fprintln(os.Stderr, "note:", text) },
	}
	if o.Weighs > 0 {
		job.Weigh = func(pids []int) uint64 {
			os.WriteFile(filepath.Join(o.Spec.Dir, "weighed"), nil, 0o644)
			return o.Weighs * uint64(len(pids))
		}
	}
	if !signal.Ignored(syscall.SIGHUP) { // there is a result to be written
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	exit, err := job.Run(ctx)
	out := outcome{JobExit: exit}
	if err != nil {
		out.Error = err.Error()
	}
	result, _ := json.Marshal(out)
	os.WriteFile(o.Result+".new", result, 0o600)
	os.Rename(o.Result+".new", o.Result)
	exit.Exit()
}

// job is an order for a shell script; it has an hour to end.
func (b *bench) job(script string) order {
	s := b.spec(script)
	s.Handoff, s.Lock = NoSocket, ""
	s.Env = append(s.Env, "KEEPONE=another:backend:7", "KEEPONE_JOB=another:job")
	if os.Getuid() == 0 {
		s.UID, s.GID, s.Groups = 65534, 65534, []int{}
		if err := errors.Join(os.Chmod(filepath.Dir(b.dir), 0o755), os.Chmod(b.dir, 0o777)); err != nil {
			b.Fatal(err)
		}
	}
	return order{
		Spec: s, Mark: b.Name + b.T.Name(), StopTimeout: time.Hour,
		Lock: filepath.Join(b.dir, "turn"), Result: filepath.Join(b.dir, "result"),
	}
}

func (o order) argv() []string {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return []string{"test", "exec", string(text)}
}

// run starts it without a terminal, in a session of its own.
func (b *bench) run(o order, stdin *os.File) <-chan syscall.WaitStatus {
	b.Helper()
	return b.start(o.argv(), &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{stdin.Fd(), b.out.Fd(), b.out.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
}

func (b *bench) start(argv []string, attr *syscall.ProcAttr) <-chan syscall.WaitStatus {
	b.Helper()
	program := argv[0]
	if program == "test" {
		program = "/proc/self/exe"
	}
	pid, exit, err := b.Reaper.start(func() (int, error) { return syscall.ForkExec(program, argv, attr) })
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if b.Failed() { // else it has ended
			b.endBelow(pid)
		}
	})
	return exit
}

// outcome waits for the end of `keepone exec`.
func (b *bench) outcome(o order) outcome {
	b.Helper()
	for range 3000 {
		if text, err := os.ReadFile(o.Result); err == nil {
			var out outcome
			if err := json.Unmarshal(text, &out); err != nil {
				b.Fatal(err)
			}
			return out
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.Fatalf("no result; the output is %q", b.said())
	return outcome{}
}

// once is a job from beginning to end, without a terminal.
func (b *bench) once(o order) outcome {
	b.Helper()
	exit := b.run(o, null)
	out := b.outcome(o)
	if status := <-exit; status.ExitStatus() != out.Status && out.Signal != unix.SIGINT {
		b.Errorf("exec exited with %d, the job with %d", status.ExitStatus(), out.Status)
	}
	if locked(o.Lock) {
		b.Error("somebody has the lock")
	}
	return out
}

func TestJobStatus(t *testing.T) {
	for _, c := range []struct {
		script, program, dir string
		status               int
		text                 string
	}{
		{script: "exit 0", text: "exit status 0"},
		{script: "exit 3", status: 3, text: "exit status 3"},
		{script: "kill -9 $$", status: 137, text: "killed by SIGKILL"},
		{script: "kill -INT $$", status: 130, text: "killed by SIGINT"},
		{program: "nonesuch", status: 127, text: "cannot find nonesuch in PATH /usr/bin:/bin"},
		{program: "./nonesuch", status: 127, text: "cannot run ./nonesuch: no such file"},
		{program: "/etc/passwd", status: 126, text: "cannot run /etc/passwd: permission denied"},
		{dir: "/nonesuch", status: 126, text: "cannot change to directory /nonesuch"},
	} {
		b := newBench(t, "")
		o := b.job(c.script)
		if c.program != "" {
			o.Spec.Argv = []string{c.program}
		}
		if c.dir != "" {
			o.Spec.Dir = c.dir
		}
		out := b.once(o)
		never := c.status == 126 || c.status == 127
		if out.Status != c.status || !strings.Contains(out.Text, c.text) || never != (out.Error != "") || out.Behind != 0 || out.Asked {
			t.Errorf("%+v: %+v", c, out)
		}
	}
}

// It is what the spec says, with the caller's descriptors, and no backend.
func TestJobIsAsTheBackend(t *testing.T) {
	b := newBench(t, "")
	o := b.job(`cat; echo "as $(id -u)"; pwd; umask; ulimit -n; tr '\0' '\n' < /proc/self/environ; ls /proc/$$/fd | tr '\n' ' '; echo complaint >&2`)
	o.Spec.Limits = map[string]uint64{"nofile": 300}
	o.Spec.Umask = 0o027
	read, write, err := pipe()
	if err != nil {
		t.Fatal(err)
	}
	exit := b.run(o, read)
	read.Close()
	write.WriteString("from the pipe\n")
	write.Close()
	out := b.outcome(o)
	<-exit
	user := strconv.Itoa(os.Getuid())
	if user == "0" {
		user = "65534"
	}
	said := b.said()
	for _, want := range []string{"from the pipe\nas " + user + "\n" + b.dir + "\n0027\n300\n", "A=b c\n", "\nKEEPONE_JOB=" + o.Mark + ":site\n", "0 1 190 2 ", "complaint\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %q", want, said)
		}
	}
	if strings.Contains(said, "another") || out.Status != 0 {
		t.Errorf("%+v, said %q", out, said)
	}
}

// What the kernel counts, what is sampled, and neither for what this program was.
func TestJobPeak(t *testing.T) {
	b := newBench(t, "")
	o := b.job("head -c 100000000 /dev/zero | tail -c 100000000 | tail -c 1 > /dev/null")
	o.Weighs = 1
	if out := b.once(o); out.Peak < 100_000_000 || out.Peak > 200_000_000 {
		t.Errorf("%+v", out)
	}
	for _, weight := range []uint64{1, 1 << 40} {
		b = newBench(t, "")
		o = b.job("until [ -e weighed ]; do :; done")
		o.Weighs = weight
		if out := b.once(o); out.Peak != weight {
			t.Errorf("a weight of %d: %+v", weight, out)
		}
	}
	b = newBench(t, "")
	if out := b.once(b.job("exit 0")); out.Peak == 0 || out.Took <= 0 { // of what it was, where it is all there is
		t.Errorf("%+v", out)
	}
}
