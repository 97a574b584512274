package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// A sample is one process at one moment: kilobytes of /proc/PID/smaps_rollup, proc_pid_smaps(5), the processor time it
// used since it was started, and how long its requests took.
type sample struct {
	rss, pss, private, huge float64
	cpu, wall               time.Duration
}

func look(pid int) (sample, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return sample{}, err
	}
	kb := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 {
			kb[f[0]], _ = strconv.ParseFloat(f[1], 64) // a line that is no number is none of ours
		}
	}
	cpu, err := cpuTime(pid)
	return sample{rss: kb["Rss:"], pss: kb["Pss:"], private: kb["Private_Clean:"] + kb["Private_Dirty:"], huge: kb["AnonHugePages:"], cpu: cpu}, err
}

// cpuTime asks the process's own clock, in nanoseconds where /proc has hundredths of a second: clock_getcpuclockid(3) as
// the C library builds it, the inverted pid and CPUCLOCK_SCHED.
func cpuTime(pid int) (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &t); err != nil {
		return 0, fmt.Errorf("cannot read the processor time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// table prints the medians, and what each is to the first way's.
func table(ways []way, results [][]sample) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tRSS\tfrom-to\tPSS\tprivate\thuge pages\tCPU\ttime\tRSS\tprivate\tCPU\ttime\t")
	var first sample
	for i, s := range results {
		if len(s) == 0 {
			continue
		}
		m := median(s)
		if first == (sample{}) {
			first = m
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", ways[i].name, mb(m.rss), spread(s), mb(m.pss), mb(m.private), mb(m.huge),
			ms(m.cpu), ms(m.wall), ratio(m.rss, first.rss), ratio(m.private, first.private),
			ratio(float64(m.cpu), float64(first.cpu)), ratio(float64(m.wall), float64(first.wall)))
	}
	return w.Flush()
}

// spread is the least and the most RSS of all.
func spread(samples []sample) string {
	least, most := samples[0].rss, samples[0].rss
	for _, s := range samples {
		least, most = min(least, s.rss), max(most, s.rss)
	}
	return fmt.Sprintf("%.0f-%.0f", least/1024, most/1024)
}

// median is that of each column by itself.
func median(samples []sample) sample {
	of := func(get func(sample) float64) float64 {
		v := make([]float64, len(samples))
		for i, s := range samples {
			v[i] = get(s)
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	return sample{
		rss: of(func(s sample) float64 { return s.rss }), pss: of(func(s sample) float64 { return s.pss }),
		private: of(func(s sample) float64 { return s.private }), huge: of(func(s sample) float64 { return s.huge }),
		cpu:  time.Duration(of(func(s sample) float64 { return float64(s.cpu) })),
		wall: time.Duration(of(func(s sample) float64 { return float64(s.wall) })),
	}
}

func mb(kb float64) string      { return fmt.Sprintf("%.1f MB", kb/1024) }
func ms(d time.Duration) string { return fmt.Sprintf("%.0f ms", float64(d)/1e6) }
func ratio(a, b float64) string { return fmt.Sprintf("%.2f", a/b) }
