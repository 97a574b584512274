package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"keepone/cgroup"
	"keepone/command"
	"keepone/config"
	"keepone/process"
	"keepone/record"
	"keepone/rss"
	"keepone/turn"
)

// exclusiveTime is what a job may take that keeps visitors waiting.
const exclusiveTime = time.Minute

// An execution is one keepone exec.
type execution struct {
	target
	argv      []string
	config    *config.Config
	exclusive bool
	maxTime   time.Duration
	timeout   time.Duration // to wait for other jobs
	now       bool
	locks     []*os.File
}

func execCommand(s *selection) *cobra.Command {
	var e execution
	c := &cobra.Command{
		Use:   "exec [NAME] -- COMMAND [ARGUMENT...]",
		Short: "Run a job as the backend is run: user, directory, limits",
		Long: `Exec runs a command as the backend's user, in its directory, with its environment
and limits, on your terminal, and ends with its exit status. Jobs of one backend
run one at a time; a second one waits for its turn.

It runs beside the backend where there is memory for both: for what the same
command took the last time, and before that for as much as the backend has.
Where there is not, it is not run, with exit status 1.

With --exclusive the backend finishes the requests it has and is stopped, the
command runs while new requests wait in the kernel, and then the backend is
started again, whatever became of the command: after its end, at --max-time, at
Ctrl-C, when the terminal is closed, or when keepone exec is killed.`,
		Example: `    keepone exec web2py -- python3 web2py.py -S admin -M -R scripts/sessions2trash.py -A -o
    keepone exec --exclusive web2py -- python3 manage.py migrate </dev/null`,
		RunE: func(c *cobra.Command, args []string) error {
			if n := c.ArgsLenAtDash(); n >= 0 {
				args, e.argv = args[:n], args[n:]
			}
			if len(e.argv) == 0 || e.argv[0] == "" || len(args) > 1 {
				return command.Misused("for instance: keepone exec web2py -- python3 manage.py check", "cannot run a job: after -- stands its command, and before that one name at most")
			}
			var err error
			if e.target, err = s.resolve(args); err != nil {
				return err
			}
			if e.exclusive && !c.Flags().Changed("max-time") {
				e.maxTime = exclusiveTime
			}
			return e.run(c.Context())
		},
	}
	f := c.Flags()
	f.BoolVar(&e.exclusive, "exclusive", false, "run it in the place of the backend, while requests wait")
	f.DurationVar(&e.maxTime, "max-time", 0, "end it after this long, for instance 90s; 0 is never (default 1m0s with --exclusive, else never)")
	f.DurationVar(&e.timeout, "timeout", 0, "give up when other jobs are not done after this long (default: wait)")
	f.BoolVar(&e.now, "now", false, "with --exclusive: do not wait for requests in flight")
	return c
}

// run returns only what kept the job from running, or what went wrong
// afterwards; else the process ends as the job did.
func (e *execution) run(ctx context.Context) error {
	if err := e.allowed(); err != nil {
		return err
	}
	if err := makeRunDir(e.runDir); err != nil {
		return err
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	lock, err := e.awaitTurn(ctx)
	if err != nil {
		return err
	}
	e.locks = []*os.File{lock}
	spec, err := specOf(e.config, e.argv)
	if err != nil {
		return err
	}
	if kind := os.Getenv("TERM"); onTerminal() && kind != "" {
		spec.Env = append([]string{"TERM=" + kind}, spec.Env...)
	}
	if e.exclusive {
		return e.alone(ctx, spec)
	}
	if err := e.room(ctx); err != nil {
		return err
	}
	exit, err := e.do(spec)
	if err != nil {
		return command.Fail(exit.Status, "", err)
	}
	exit.Exit()
	return nil
}

// allowed refuses what cannot work, or would keep visitors waiting for
// somebody's typing.
func (e *execution) allowed() (err error) {
	if st, err := os.Stat(filepath.Join(config.SystemRunBase, e.name)); err == nil && !isRoot() && e.file == filepath.Join(config.Dir(), e.name+".toml") && !exists(e.file) && st.IsDir() {
		return command.Fail(command.Failed, "use sudo", fmt.Errorf("cannot run a job of %s: it is the system's, and only root becomes its user", e.name))
	}
	if e.config, err = loadConfig(e.target); err != nil {
		return err
	}
	uid, _, _, err := e.config.Credentials()
	if err != nil {
		return err
	}
	if mark, err := process.Mark(e.runDir); err == nil && process.IsJob(os.Getpid(), mark) {
		return command.Fail(command.Failed, "", fmt.Errorf("cannot run a job of %s inside a job of it: it would wait for itself", e.name))
	}
	if self := os.Geteuid(); self != 0 && uid >= 0 && uid != self {
		return command.Fail(command.Failed, "use sudo", fmt.Errorf("cannot run a job of %s: it is to run as user %s, and that is not you", e.name, e.config.Backend.User))
	}
	if e.exclusive && onTerminal() && e.maxTime != 0 {
		return command.Misused("redirect its input: </dev/null, or say --max-time 0 and be quick",
			"cannot run a job exclusively on a terminal: visitors would wait for what is typed there, and it would be ended after %s", e.maxTime)
	}
	return nil
}

// awaitTurn waits until no other job runs.
func (e *execution) awaitTurn(ctx context.Context) (*os.File, error) {
	if e.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.timeout)
		defer cancel()
	}
	lock, err := turn.Wait(ctx, e.jobLock(), func(who turn.Holder) { e.say("waiting for %s", who) })
	if errors.Is(err, context.Canceled) {
		return nil, command.Silent(exitDetached)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, command.Fail(command.Failed, "", fmt.Errorf("cannot run a job of %s within %s: %s", e.name, e.timeout, strings.TrimSuffix(err.Error(), ": "+context.DeadlineExceeded.Error())))
	}
	return lock, err
}

func (e *execution) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "keepone: "+format+"\n", args...)
}

// room refuses a job that would not fit beside the backend.
func (e *execution) room(ctx context.Context) error {
	r, err := askStatus(ctx, e.target)
	switch {
	case ctx.Err() != nil:
		return command.Silent(exitDetached)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), err == nil && r.Backend.PID == 0:
		return nil // it is alone
	case err != nil:
		return unreachable(e.target, err)
	}
	available, err := cgroup.Available("")
	if err != nil {
		return err
	}
	last, learnt := turn.Recall(e.jobs(), e.argv)
	verdict := turn.Judge(available, last, learnt, r.Backend.RSS+r.Backend.Swap)
	if verdict.Room {
		return nil
	}
	return command.Fail(command.Failed, fmt.Sprintf("let it have the backend's place: keepone exec --exclusive %s -- %s </dev/null", e.name, commandLine(e.argv)),
		fmt.Errorf("cannot run %s beside the backend: %s", e.argv[0], verdict.Text))
}

// do runs the job and keeps what was learnt of it.
func (e *execution) do(spec process.Spec) (process.JobExit, error) {
	self, err := record.Identify(os.Getpid())
	if err != nil {
		return process.JobExit{Status: command.Failed}, err
	}
	mark, err := jobMark(e.target, self)
	if err != nil {
		return process.JobExit{Status: command.Failed}, err
	}
	sampler := rss.NewSampler()
	exit, err := process.Job{
		Name: e.name, Spec: spec, Locks: e.locks, Mark: mark, MaxTime: e.maxTime, StopTimeout: e.config.Stop.Timeout,
		Interactive: onTerminal() && !e.exclusive && e.maxTime == 0,
		Weigh:       sampler.Sum, Note: func(text string) { e.say("%s", text) },
	}.Run(context.Background()) // which listens to signals itself
	if len(exit.Left) > 0 {
		e.say("warning: processes of the job outlive SIGKILL: %v", exit.Left)
	}
	if err == nil {
		if filepath.Dir(e.jobs()) == stateDir {
			os.MkdirAll(stateDir, 0o755) // Learn says what is wrong
		}
		if err := turn.Learn(e.jobs(), e.argv, turn.Lesson{Peak: exit.Peak, At: time.Now(), Took: exit.Took, Status: exit.Status}); err != nil {
			e.say("warning: %v", err)
		}
	}
	return exit, err
}

func (t target) jobLock() string { return filepath.Join(t.runDir, "job.lock") }

// jobs is the file that knows what earlier jobs took.
func (t target) jobs() string {
	return strings.TrimSuffix(t.savedHistory(), ".history") + ".jobs"
}
