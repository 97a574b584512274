// Resident measures what supervisors cost at rest: all of them at the same time on one machine, each with the same idle
// php-cgi. What php-cgi itself costs is not counted. See ../README.md for how to read it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// options are what the command line says.
type options struct {
	keepone, pebble, memmon string // programs
	seconds                 int    // how long is measured
	settle                  time.Duration
}

func main() {
	var o options
	flag.IntVar(&o.seconds, "n", 60, "how many `seconds` are measured")
	flag.DurationVar(&o.settle, "settle", 90*time.Second, "how `long` all run before that")
	flag.StringVar(&o.keepone, "keepone", "", "the keepone `program` (default: build it)")
	flag.StringVar(&o.pebble, "pebble", "", "the pebble `program` (default: the installed one, or build it)")
	flag.StringVar(&o.memmon, "memmon", "memmon", "superlance's memmon `program`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "resident:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.seconds < 1 || o.settle < 0 {
		return fmt.Errorf("cannot measure for %d seconds after %s", o.seconds, o.settle)
	}
	php, err := exec.LookPath("php-cgi")
	if err != nil {
		return fmt.Errorf("cannot measure: %w", err)
	}
	if php, err = filepath.EvalSymlinks(php); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "kr")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// What a daemon leaves behind becomes our child, so that it can be ended as one of ours.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot become the parent of orphans: %w", err)
	}
	if err := o.programs(ctx, dir); err != nil {
		return err
	}
	group, err := newCharges()
	if err != nil {
		fmt.Printf("no memory cgroups, so their column is empty: %v\n", err)
	}
	defer func() { err = errors.Join(err, group.remove()) }()
	started, err := startAll(ctx, peers(dir, php, o), php, group)
	defer func() { err = errors.Join(endAll(started), err) }()
	if err != nil {
		return err
	}
	return measure(ctx, started, o)
}

// measure lets everything come to rest, watches it and prints the table.
func measure(ctx context.Context, started []*peer, o options) error {
	fmt.Printf("%d run side by side; at rest for %s, then measured for %d s\n\n", len(started), o.settle, o.seconds)
	if err := pause(ctx, o.settle); err != nil {
		return err
	}
	for _, p := range started {
		p.watch.begin(p.pids())
	}
	begun := time.Now()
	for second := 1; second <= o.seconds; second++ {
		if err := pause(ctx, time.Until(begun.Add(time.Duration(second)*time.Second))); err != nil {
			return err
		}
		for _, p := range started {
			p.watch.look(p.pids())
			if second%10 == 0 || second == o.seconds {
				p.weigh()
			}
		}
	}
	return table(started, time.Since(begun).Seconds())
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func table(started []*peer, seconds float64) error {
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tprocesses\tRSS MiB\tPSS MiB\tprivate MiB\tcgroup MiB\tCPU ms/s\twake-ups/s\tswitches/s\t")
	for _, p := range started {
		w := p.watch
		charge := "-"
		if len(p.charged) > 0 {
			charge = mib(median(p.charged))
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%.3f\t%.2f\t%.2f\t\n", p.name, len(p.pids()),
			mib(median(w.rss)), mib(median(w.pss)), mib(median(w.private)), charge, float64(w.cpu)/1e6/seconds,
			float64(w.voluntary)/seconds, float64(w.voluntary+w.involuntary)/seconds)
	}
	return t.Flush()
}

// programs builds what is not given: keepone, the bare loop, and Pebble where the module proxy has it.
func (o *options) programs(ctx context.Context, dir string) (err error) {
	if o.keepone == "" {
		o.keepone = filepath.Join(dir, "keepone")
		if err := build(ctx, o.keepone, "keepone/cmd/keepone"); err != nil {
			return err
		}
	}
	if o.keepone, err = filepath.Abs(o.keepone); err != nil {
		return err
	}
	if err := build(ctx, filepath.Join(dir, "bare"), "keepone/bench/resident/bare"); err != nil {
		return err
	}
	if o.pebble != "" {
		return nil
	}
	if o.pebble, err = exec.LookPath("pebble"); err == nil {
		return nil
	}
	o.pebble = filepath.Join(dir, "pebble")
	cmd := exec.CommandContext(ctx, "go", "install", "github.com/canonical/pebble/cmd/pebble@latest")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		said := strings.Split(strings.TrimSpace(string(out)), "\n")
		fmt.Printf("cannot build Pebble: %v: %s\n", err, strings.TrimSpace(said[len(said)-1]))
	}
	return nil
}

func build(ctx context.Context, path, name string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags",
		"-s -w -X runtime.godebugDefault=disablethp=1", "-o", path, name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build %s: %w\n%s", name, err, out)
	}
	return nil
}
