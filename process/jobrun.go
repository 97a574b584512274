package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// jobSample is how often a job is weighed, and jobPoll how often what is to
	// be gone is looked for in the end: not every death is told to us.
	jobSample = 200 * time.Millisecond
	jobPoll   = 20 * time.Millisecond
	// killTime is how long SIGKILL is sent again and again to who does not die:
	// set-user-ID programs of somebody else's, and those in an endless read.
	killTime = 5 * time.Second
)

// running is a job that runs; the goroutine of Run owns it.
type running struct {
	Job
	offspring offspring
	scan      *scan
	alarm     *alarm
	began     time.Time
	leader    int
	floor     uint64        // bytes that the kernel counts for the command, for it began as this program
	report    <-chan string // why it never ran; nil once it has been read
	why       string
	look      *time.Timer
	poll      time.Duration
	pids      []int

	deadline    <-chan time.Time // of what it was told; nil where it was told nothing
	interrupted time.Time        // when the first SIGINT or SIGQUIT came
	onTerminal  bool             // in its foreground, when that was looked at
	unsure      unix.Signal      // may have reached the job already; 0 for none
	exited      bool             // the leader has, and is reaped
	rest        bool             // the others have been told to
	killing     bool
	hopeless    bool
	exit        JobExit
}

// listen reads the report beside the loop: it comes, or ends, when the shim
// becomes the command.
func (r *running) listen(report *os.File) {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil {
		r.floor = uint64(usage.Maxrss) << 10
	}
	said := make(chan string, 1)
	r.report = said
	go func() {
		text, _ := io.ReadAll(io.LimitReader(report, 4096))
		report.Close()
		said <- string(text)
	}()
}

func (r *running) follow(ctx context.Context, signals <-chan os.Signal) (JobExit, error) {
	var late <-chan time.Time
	if r.MaxTime > 0 {
		late = time.After(r.MaxTime)
		r.alarm.set(r.MaxTime)
	}
	r.look = time.NewTimer(jobSample)
	defer r.look.Stop()
	done := ctx.Done()
	for {
		r.reap()
		if r.over() {
			return r.ended()
		}
		select {
		case sig := <-signals:
			r.take(sig.(syscall.Signal))
		case <-done:
			done = nil
			r.end(unix.SIGTERM, false)
		case <-late:
			r.exit.Late = true
			r.note("its time of %s is over", r.MaxTime)
			r.end(unix.SIGTERM, false)
		case <-r.deadline:
			r.expired()
		case r.why = <-r.report:
			r.report = nil
			r.sample()
		case <-r.look.C:
			r.sample()
		}
	}
}

// reap collects who has died or was stopped. A child that was there before is
// none any more, and its number may be a job's process' next.
func (r *running) reap() {
	for {
		var status syscall.WaitStatus
		var usage syscall.Rusage
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG|syscall.WUNTRACED, &usage)
		switch {
		case err == syscall.EINTR:
		case pid <= 0 || err != nil:
			return
		case status.Stopped():
			if pid == r.leader {
				r.stopped()
			}
		case pid == r.leader && !r.exited:
			r.exited = true
			r.describe(status, uint64(usage.Maxrss)<<10)
		default:
			r.offspring.before = slices.DeleteFunc(r.offspring.before, func(p int) bool { return p == pid })
		}
	}
}

// describe keeps how the leader ended. What the kernel counted includes what
// this program weighed when it forked: getrusage(2) keeps that over execve(2).
func (r *running) describe(status syscall.WaitStatus, peak uint64) {
	if r.report != nil {
		r.why = <-r.report
		r.report = nil
	}
	r.exit.Text = describe(status, r.why).Text
	if r.exit.Status = status.ExitStatus(); status.Signaled() {
		r.exit.Signal = status.Signal()
		r.exit.Status = 128 + int(status.Signal())
	}
	if peak > r.floor || r.exit.Peak == 0 {
		r.exit.Peak = max(r.exit.Peak, peak)
	}
}

// over says that nothing is left, or nobody that can be ended. What the leader
// leaves behind is told to end, too.
func (r *running) over() bool {
	if !r.exited && !r.hopeless {
		return false
	}
	if r.offspring.empty(r.scan) {
		return true
	}
	if r.hopeless {
		r.exit.Left = r.offspring.all(r.scan, nil)
		return true
	}
	if !r.rest {
		r.rest = true
		r.exit.Behind = len(r.offspring.all(r.scan, nil))
		signalAll(&r.offspring, r.scan, unix.SIGTERM)
		signalAll(&r.offspring, r.scan, unix.SIGCONT)
		if r.deadline == nil {
			r.within(orphanGrace)
		}
		r.hurry()
	}
	return false
}

func (r *running) ended() (JobExit, error) {
	r.exit.Took = time.Since(r.began)
	if r.why != "" {
		return r.exit, errors.New(r.why)
	}
	if !r.exited {
		r.exit.Status, r.exit.Signal, r.exit.Text = 128+int(unix.SIGKILL), unix.SIGKILL, "not ended by SIGKILL"
	}
	if r.exit.Late {
		r.exit.Text += fmt.Sprintf(", after its time of %s was over", r.MaxTime)
	}
	if r.exit.Behind > 0 && !r.exit.Asked {
		r.exit.Text += fmt.Sprintf(", leaving %d processes behind, which were ended", r.exit.Behind)
	}
	if len(r.exit.Left) > 0 {
		r.exit.Text += fmt.Sprintf("; cannot end %v: look with ps -f -p PID, and end them", r.exit.Left)
	}
	return r.exit, nil
}

// sample weighs the job while it is the command, and kills again what was to be
// killed: somebody may have forked meanwhile.
func (r *running) sample() {
	if r.killing {
		r.offspring.kill(r.scan)
	}
	if r.Weigh != nil && r.report == nil && !r.exited {
		r.pids = r.offspring.all(r.scan, r.pids[:0])
		r.exit.Peak = max(r.exit.Peak, r.Weigh(r.pids))
	}
	r.lookAtTerminal()
	next := jobSample
	if r.poll > 0 {
		next, r.poll = r.poll, min(2*r.poll, jobPoll)
	}
	r.look.Reset(next)
}

// hurry has the end looked for often.
func (r *running) hurry() {
	r.poll = time.Millisecond
	r.look.Reset(r.poll)
}

// within gives the job so long for what it was told.
func (r *running) within(d time.Duration) {
	r.deadline = time.After(d)
	r.alarm.set(d)
}

// expired ends what was told to end and has not, and gives up what cannot be
// ended. Who may not have been told yet is told first.
func (r *running) expired() {
	switch {
	case r.unsure != 0 && !r.exited:
		r.tell(r.unsure, false)
		r.unsure = 0
		r.within(r.StopTimeout)
	case !r.killing:
		r.kill()
	default:
		r.hopeless = true
	}
}

func (r *running) kill() {
	r.killing, r.exit.Asked = true, r.exit.Asked || !r.exited
	r.offspring.kill(r.scan)
	r.within(killTime)
	r.hurry()
}

func (r *running) note(format string, args ...any) {
	if r.Note != nil {
		r.Note(fmt.Sprintf(format, args...))
	}
}
