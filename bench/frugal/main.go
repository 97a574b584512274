// Frugal measures what [memory] frugal makes of a backend: a threaded Python, php-cgi and Perl under keepone, with and
// without, on this kernel's setting of transparent huge pages and on "always". See README.md for how to read it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

type options struct {
	rounds     int
	keepone    string
	python     string
	only       string
	thp        string
	candidates bool
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "n", 5, "how many `rounds`, each of which starts every backend in every way once")
	flag.StringVar(&o.keepone, "keepone", "", "the keepone `program` (default: build it)")
	flag.StringVar(&o.python, "python", "python3", "the Python `program`")
	flag.StringVar(&o.only, "only", "", "no backend but this `name`: python, php or perl")
	flag.StringVar(&o.thp, "thp", "", "no `setting` of transparent huge pages but this (default: this kernel's, then always)")
	flag.BoolVar(&o.candidates, "candidates", false, "measure what else was thought of instead, each alone")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "frugal:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.rounds < 1 {
		return fmt.Errorf("cannot measure %d rounds", o.rounds)
	}
	dir, err := os.MkdirTemp("", "kf")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.keepone == "" {
		o.keepone = filepath.Join(dir, "keepone")
		if err := build(ctx, o.keepone); err != nil {
			return err
		}
	}
	if o.keepone, err = filepath.Abs(o.keepone); err != nil {
		return err
	}
	all, err := backends(dir, o.python, o.only)
	if err != nil {
		return err
	}
	own, err := hugePages()
	if err != nil {
		return err
	}
	return o.kernels(own, func(kernel string) error { return measure(ctx, o, kernel, all, dir) })
}

// kernels does something under each setting of transparent huge pages that is asked for.
func (o *options) kernels(own string, do func(kernel string) error) error {
	kernels := []string{own, "always"}
	if own == "always" {
		kernels = kernels[:1]
	}
	if o.thp != "" {
		kernels = []string{o.thp}
	}
	for _, kernel := range kernels {
		if err := withHugePages(kernel, own, func() error { return do(kernel) }); err != nil {
			return err
		}
	}
	return nil
}

// measure fills and prints one table for each backend. The ways take turns, so that what else the machine does meets all
// of them.
func measure(ctx context.Context, o options, kernel string, all []*backend, dir string) error {
	ways := settings
	if o.candidates {
		ways = candidates
	}
	for _, b := range all {
		results := make([][]sample, len(ways))
		for range o.rounds {
			for i, w := range ways {
				if !w.concerns(b.name) {
					continue
				}
				s, err := b.measure(ctx, o.keepone, dir, w)
				if err != nil {
					return fmt.Errorf("cannot measure %s, %s: %w", b.name, w.name, err)
				}
				results[i] = append(results[i], s)
			}
		}
		fmt.Printf("\n%s, transparent huge pages %q, median of %d\n", b.title, kernel, o.rounds)
		if err := table(ways, results); err != nil {
			return err
		}
	}
	return nil
}

func build(ctx context.Context, path string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags",
		"-s -w -X runtime.godebugDefault=disablethp=1", "-o", path, "keepone/cmd/keepone")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build keepone: %w\n%s", err, out)
	}
	return nil
}
