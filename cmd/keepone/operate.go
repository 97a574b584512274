package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"keepone/command"
	"keepone/control"
)

// progressInterval is how often a waiting command says how far things are.
const progressInterval = time.Second

// exitDetached is that of a shell command ended by Ctrl-C.
const exitDetached = 130

// An operation is a command that asks the resident to change something.
type operation struct {
	op, done string
	command  *cobra.Command
	request  control.Request
	timeout  time.Duration
	takeOver bool // start only
	survivor bool // stop only
}

func operations(s *selection) []*cobra.Command {
	list := []*operation{
		{op: "restart", done: "restarted", command: &cobra.Command{
			Use: "restart-backend [NAME]", Aliases: []string{"restart"},
			Short: "Replace the backend without losing a request",
			Long: `Restart-backend lets the old backend finish what it has, while new requests wait
in the kernel for the next one. It returns when the next backend is up, or with
exit status 1 and its last words when it failed. Where backend.check fails, the
old backend stays.`,
			Example: "    keepone restart-backend web2py\n    keepone restart-backend --no-check --timeout 2m web2py",
		}},
		{op: "stop", done: "stopped", command: &cobra.Command{
			Use: "stop-backend [NAME]", Aliases: []string{"stop"},
			Short: "End the backend; its socket stays, and requests wait",
			Long: `Stop-backend lets the backend finish what it has, then ends it. The socket stays:
who comes waits in the kernel until start-backend, or gets a 503 where
[unavailable] is configured. It stays stopped also when keepone is upgraded or
killed, until the next boot. To end keepone as well, ask the init system.

With --survivor it ends a backend that outlived its keepone, which was killed, at
once and with all its processes; where there is none, that is success. Init
systems call it when a stop took too long.`,
			Example: "    keepone stop-backend web2py\n    keepone stop-backend --now web2py\n    keepone stop-backend --survivor web2py",
		}},
		{op: "start", done: "started", command: &cobra.Command{
			Use: "start-backend [NAME]", Aliases: []string{"start"},
			Short: "Start it again after stop-backend, or in a rival's place",
			Long: `Start-backend starts the backend that was stopped. Where another process is the
backend already (started by hand, by another supervisor, by the web server), it
says which, who started that, and how to end it, with exit status 1.

With --take-over keepone moves the site over: its socket takes the place of the
other's, which finishes what it has and is ended; no request is lost. It must
listen at socket.path, and nowhere else: with --now others are ended, too, and
their visitors cut off.`,
			Example: "    keepone start-backend web2py\n    keepone start-backend --take-over web2py",
		}},
	}
	var all []*cobra.Command
	for _, o := range list {
		o.flags()
		o.command.Args = oneName
		o.command.RunE = func(_ *cobra.Command, args []string) error { return o.run(s, args) }
		all = append(all, o.command)
	}
	return all
}

func (o *operation) flags() {
	f := o.command.Flags()
	o.request.Op = o.op
	f.DurationVar(&o.timeout, "timeout", 0, "stop waiting after this long, for instance 2m; what was asked for goes on (default: wait for the outcome)")
	f.BoolVar(&o.request.NoWait, "no-wait", false, "return when it has begun")
	if o.op == "start" {
		f.BoolVar(&o.takeOver, "take-over", false, "end rivals first; who serves at the socket is drained and followed without losing a request")
		f.BoolVar(&o.request.NoCheck, "no-check", false, "with --take-over: do not run backend.check first")
		f.BoolVar(&o.request.Now, "now", false, "with --take-over: do not wait for requests in flight, and end also who listens elsewhere")
	} else {
		f.BoolVar(&o.request.Now, "now", false, "do not wait for requests in flight")
	}
	if o.op == "stop" {
		f.BoolVar(&o.survivor, "survivor", false, "end the backend of a keepone that does not run any more")
	}
	if o.op == "restart" {
		f.BoolVar(&o.request.NoCheck, "no-check", false, "do not run backend.check first")
	}
}

func (o *operation) run(s *selection, args []string) error {
	t, err := s.resolve(args)
	if err != nil {
		return err
	}
	if o.survivor {
		return endSurvivor(t)
	}
	if o.takeOver {
		o.request.Op = "take-over"
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.timeout > 0 {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, o.timeout)
		defer cancel()
	}
	watched, watching := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		progress(watched, t)
	}()
	a, err := ask(ctx, t, o.request)
	watching()
	<-over
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("cannot say that %s is %s: no outcome within %s; it goes on", t.name, o.done, o.timeout)
	case ctx.Err() != nil:
		return command.Fail(exitDetached, "keepone status "+t.name, fmt.Errorf("detached from %s; what was asked for goes on", t.name))
	case err != nil:
		return unreachable(t, err)
	case a.Error != "":
		return o.refused(t, a)
	case a.Hint != "":
		fmt.Fprintln(os.Stderr, "keepone: "+a.Hint)
	}
	return nil
}

// refused prints the outcome that was not hoped for, with the backend's last
// words.
func (o *operation) refused(t target, a control.Answer) error {
	err := fmt.Errorf("cannot %s %s: %s", o.command.Name(), t.name, a.Error)
	var r statusReport
	if json.Unmarshal(a.Body, &r) == nil && r.LastWords != "" && (r.State == "backoff" || r.State == "restarting") {
		err = fmt.Errorf("%w\nthe last words of the backend:\n%s", err, indent(r.LastWords))
	}
	return command.Fail(command.Failed, a.Hint, err)
}

// unreachable explains why nobody answers.
func unreachable(t target, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return command.Fail(command.Failed, "use sudo, or name the user in control.read or control.operate", err)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		f := new(command.Failure)
		if errors.As(notRunning(t, err), &f) {
			f.Code = command.Failed
		}
		return f
	}
	return err
}

// progress prints a line on stderr whenever there is news, from the first
// second on.
func progress(ctx context.Context, t target) {
	tick := time.NewTicker(progressInterval)
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r, err := askStatus(ctx, t)
		if err != nil {
			return
		}
		if now := r.progress(); now != said {
			said = now
			fmt.Fprintln(os.Stderr, now)
		}
	}
}

// ask sends a request, a second time where keepone replaced itself in this very
// moment: then the first was not looked at, and the new program answers.
func ask(ctx context.Context, t target, r control.Request) (control.Answer, error) {
	a, err := control.Ask(ctx, t.control(), r)
	if isReplaced(err) {
		return control.Ask(ctx, t.control(), r)
	}
	return a, err
}

// askStatus gets a status report.
func askStatus(ctx context.Context, t target) (statusReport, error) {
	var r statusReport
	a, err := ask(ctx, t, control.Request{Op: "status"})
	if err != nil {
		return r, err
	}
	if a.Error != "" {
		return r, command.Fail(command.Failed, a.Hint, errors.New(a.Error))
	}
	err = json.Unmarshal(a.Body, &r)
	r.Rivals = readFound(t).Rivals // which the resident does not keep
	return r, err
}
