// Leak measures how far a backend that leaks gets beyond its limit, and what the restart costs who asks: keepone beside
// superlance's memmon, monit and PM2, with leakers in Python, PHP and Perl. See ../README.md for how to read it.
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
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// options are what the command line says; memory is in MiB.
type options struct {
	keepone, memmon, pm2 string // programs
	only                 string // part of a peer's name
	rounds, restarts     int
	limit, soft          int
	rate, softRate       float64
	life                 time.Duration
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "n", 1, "how `often` each passes the hard limit; 0 leaves that out")
	flag.IntVar(&o.restarts, "restarts", 20, "how many `restarts` over keepone's soft limit; 0 leaves that out")
	flag.IntVar(&o.limit, "hard", 256, "the hard limit in `MiB`")
	flag.IntVar(&o.soft, "soft", 96, "the soft limit in `MiB`")
	flag.Float64Var(&o.rate, "rate", 50, "the leak against the hard limit, in `MiB` a second")
	flag.Float64Var(&o.softRate, "softrate", 1, "the leak against the soft limit, in `MiB` a second")
	flag.DurationVar(&o.life, "life", 65*time.Second, "how `long` a backend has lived when it begins to leak over the hard limit")
	flag.StringVar(&o.only, "only", "", "leave all out but those whose `name` has this in it")
	flag.StringVar(&o.keepone, "keepone", "", "the keepone `program` (default: build it)")
	flag.StringVar(&o.memmon, "memmon", "memmon", "superlance's memmon `program`")
	flag.StringVar(&o.pm2, "pm2", "", "the pm2-runtime `program` (default: the installed one, or from npm)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "leak:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.rounds < 0 || o.restarts < 0 || o.limit < 1 || o.soft < 1 || o.rate <= 0 || o.softRate <= 0 {
		return errors.New("cannot measure: a number is too small")
	}
	dir, err := os.MkdirTemp("", "kl")
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
	speak, err := languages(dir)
	if err != nil {
		return err
	}
	hard := load{requests: 20, leak: o.rate, cap: 4096, restarts: 1, limit: 160 * time.Second}
	if o.rounds > 0 {
		fmt.Printf("A leak of %g MiB/s against a hard limit of %d MiB, %d requests/s, %d times:\n\n", o.rate, o.limit, hard.requests, o.rounds)
		if err := table(ctx, filepath.Join(dir, "h"), peers(o), speak, hard, o.rounds, o.life); err != nil {
			return err
		}
	}
	if o.restarts == 0 {
		return nil
	}
	soft := load{requests: 50, leak: o.softRate, work: 5, cap: 1024, restarts: o.restarts,
		limit: time.Duration(o.restarts) * 3 * time.Minute}
	fmt.Printf("\nA leak of %g MiB/s against a soft limit of %d MiB, %d requests/s, until %d restarts:\n\n", o.softRate, o.soft, soft.requests, o.restarts)
	return table(ctx, filepath.Join(dir, "s"), []peer{keeponePeer("keepone, soft", o.keepone, "soft", o.soft)}, speak, soft, 1, 0)
}

// table measures the peers one after the other, each with all languages at a time, and prints a line for each of these.
func table(ctx context.Context, dir string, all []peer, speak []language, l load, rounds int, life time.Duration) (err error) {
	if err := roomFor(l.cap * len(speak)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	here, started, err := startAll(ctx, dir, all, speak)
	defer func() { err = errors.Join(endAll(started), err) }()
	if err != nil {
		return err
	}
	fmt.Printf("%-20s %-8s %9s %15s %10s %9s %7s\n", "", "", "peak MiB", "over limit MiB", "restarts", "requests", "failed")
	for _, p := range here {
		sums := make([]result, len(p.sites))
		for range rounds {
			if err := p.round(ctx, l, life, sums); err != nil {
				return fmt.Errorf("cannot measure %s: %w", p.name, err)
			}
		}
		for i, s := range p.sites {
			r := sums[i]
			fmt.Printf("%-20s %-8s %9d %15d %7d/%-2d %9d %7d", p.name, s.language.name, r.peak>>20, int(r.peak>>20)-p.limit,
				r.restarts, l.restarts*rounds, r.asked, r.failed)
			if r.firstError != nil {
				fmt.Printf("  %s", reason(r.firstError))
			}
			fmt.Println()
		}
	}
	return nil
}

// round runs the load on all of the peer's sites at a time and adds to the sums.
func (p peer) round(ctx context.Context, l load, life time.Duration, sums []result) (err error) {
	type outcome struct {
		i   int
		r   result
		err error
	}
	outcomes := make(chan outcome)
	for i, s := range p.sites {
		go func() {
			select {
			case <-time.After(time.Until(s.since.Add(life))):
			case <-ctx.Done():
			}
			r, err := l.run(ctx, s.socket, s.language.script)
			s.since = time.Now()
			outcomes <- outcome{i, r, err}
		}()
	}
	for range p.sites {
		o := <-outcomes
		err = errors.Join(err, o.err)
		sum := &sums[o.i]
		sum.peak = max(sum.peak, o.r.peak)
		sum.asked, sum.failed, sum.restarts = sum.asked+o.r.asked, sum.failed+o.r.failed, sum.restarts+o.r.restarts
		if sum.firstError == nil {
			sum.firstError = o.r.firstError
		}
	}
	return err
}

// reason is why a request failed, without the names of files.
func reason(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}

// roomFor refuses to fill a machine that would not have half as much again left.
func roomFor(mebibytes int) error {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return err
	}
	if free := available(text); free>>20 < uint64(mebibytes*3/2) {
		return fmt.Errorf("cannot let leakers take %d MiB where %d MiB are left", mebibytes, free>>20)
	}
	return nil
}

// programs builds keepone and fetches PM2 where they are not given.
func (o *options) programs(ctx context.Context, dir string) (err error) {
	if o.keepone == "" {
		o.keepone = filepath.Join(dir, "keepone")
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w -X runtime.godebugDefault=disablethp=1",
			"-o", o.keepone, "keepone/cmd/keepone")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("cannot build keepone: %w\n%s", err, out)
		}
	}
	if o.keepone, err = filepath.Abs(o.keepone); err != nil || o.pm2 != "" || o.rounds == 0 {
		return err
	}
	if o.pm2, err = exec.LookPath("pm2-runtime"); err == nil {
		return nil
	}
	o.pm2 = filepath.Join(dir, "node_modules", ".bin", "pm2-runtime")
	install := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--ignore-scripts", "--no-audit", "--no-fund", "pm2")
	if out, err := install.CombinedOutput(); err != nil {
		fmt.Printf("cannot get PM2 from npm: %v\n%s", err, out)
	}
	return nil
}
