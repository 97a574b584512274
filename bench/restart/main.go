// Restart measures what a restart of an idle php-cgi costs beyond the interpreter's own stop and start: keepone beside
// supervisord and runit, in one run on one machine. See ../README.md for how to read it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	n := flag.Int("n", 30, "how many `restarts` of each")
	path := flag.String("keepone", "", "the keepone `program` (default: build it)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *path, *n)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "restart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, path string, n int) error {
	if n < 1 {
		return fmt.Errorf("cannot measure %d restarts", n)
	}
	php, err := exec.LookPath("php-cgi")
	if err != nil {
		return fmt.Errorf("cannot measure: %w", err)
	}
	dir, err := os.MkdirTemp("", "kb")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if path == "" {
		path = filepath.Join(dir, "keepone")
		if err := build(ctx, path); err != nil {
			return err
		}
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	stops, starts, err := interpreter(ctx, dir, php, n)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	own := median(stops) + median(starts)
	fmt.Printf("php-cgi by itself, %d times: stop %s, start %s (medians), together %s\n\n",
		n, ms(median(stops)), ms(median(starts)), ms(own))
	fmt.Fprintln(table, "\tcommand, median\tp90\tbeyond the interpreter, median\tp90\tuntil it answers, median\tp90\t")
	for _, p := range peers(dir, path, php) {
		if err := p.row(ctx, table, own, n); err != nil {
			return err
		}
	}
	return table.Flush()
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

// row measures one peer and prints its line; one that is not installed is named as such.
func (p *peer) row(ctx context.Context, table *tabwriter.Writer, own time.Duration, n int) error {
	for _, program := range []string{p.daemon[0], p.restart[0]} {
		if _, err := exec.LookPath(program); err != nil {
			fmt.Fprintf(table, "%s\tnot installed\t\t\t\t\t\t\n", p.name)
			return nil
		}
	}
	commands, answers, err := p.measure(ctx, n)
	if err != nil {
		return fmt.Errorf("cannot measure %s: %w", p.name, err)
	}
	beyond := make([]time.Duration, len(commands))
	for i, d := range commands {
		beyond[i] = d - own
	}
	fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", p.name, ms(median(commands)), ms(p90(commands)),
		ms(median(beyond)), ms(p90(beyond)), ms(median(answers)), ms(p90(answers)))
	return nil
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

func median(d []time.Duration) time.Duration { return quantile(d, 50) }

func p90(d []time.Duration) time.Duration { return quantile(d, 90) }

// quantile is the nearest-rank percentile: the smallest value that at least percent of all do not exceed.
func quantile(d []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[(len(sorted)*percent+99)/100-1]
}
